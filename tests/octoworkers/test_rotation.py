"""The master key rotates: nothing stays under the former one, and nothing is lost when it is broken off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from domain.accounts import ACCOUNT_KINDS
from domain.variables import VariableType
from octoworkers.conf import load_keys
from octoworkers.master_keys import MasterKeys
from octoworkers.services import rotation
from projects.services import releases
from tests.factories import NodeFactory
from tests.harness.dump import database_text
from tests.harness.waiting import wait_for
from tests.octoworkers.test_backup_commands import Place
from tests.projects import scenarios
from variables.models import OwnerKind, Variable, VariableSet
from variables.services import credentials, sealing, variable_sets
from variables.services.rows import Row

SECRET = "correct horse battery"


@pytest.fixture
def keys(tmp_path: Path, settings) -> Path:
    path = tmp_path / "keys.json"
    settings.KEYS_FILE, settings.MASTER_KEYS = path, MasterKeys(path)
    sealing.current_key_id()
    return path


@pytest.fixture
def sealed_everywhere(db, space, default_pool, keys):
    """A variable with its revisions, a release of it, and an account."""
    project = scenarios.project(space)
    scenarios.add_step(project, pool=default_pool)
    variable_set = variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=space)
    rows = [Row(name="Password", type=VariableType.SENSITIVE, value=SECRET)]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)
    account = credentials.create_account(
        space=space, name="Login", kind=ACCOUNT_KINDS["Token"], fields={"Token": SECRET}, user=None
    )
    return project, releases.create(project=project, version="1.0.0", user=None), account


def fresh(keys: Path, settings) -> None:
    """As a server that starts now: it knows what the file holds and nothing else."""
    settings.MASTER_KEYS = MasterKeys(keys)


def test_all_is_under_the_new_key_and_reads_as_before(sealed_everywhere, keys, settings):
    project, release, account = sealed_everywhere
    former = sealing.current_key_id()

    call_command("rotate_master_key", wait=0)
    fresh(keys, settings)

    stored = Variable.objects.get(name="Password")
    assert sealing.current_key_id() != former
    assert sealing.unseal(stored.value) == SECRET
    release.refresh_from_db()
    account.refresh_from_db()
    # The comparison of a snapshot with the present takes equal sealed texts for an unchanged secret.
    assert release.variables["variables"][0]["value"] == stored.value
    revisions = VariableSet.objects.get(owner_id=project.pk).revisions.order_by("version")
    assert revisions.last().content["variables"][0]["value"] == stored.value
    assert sealing.unseal(account.fields["Token"], context=f"account-{account.pk}") == SECRET
    assert f"octo1:{former}" not in database_text()
    assert load_keys(keys).former_master_keys == ()


def test_a_server_that_runs_goes_along(sealed_everywhere, keys, settings):
    running = settings.MASTER_KEYS
    before = Variable.objects.get(name="Password").value
    call_command("rotate_master_key", wait=0)

    assert running is settings.MASTER_KEYS
    assert sealing.unseal(Variable.objects.get(name="Password").value) == SECRET
    # A run that began before holds the value as it was.
    assert sealing.unseal(before) == SECRET
    assert sealing.key_id_of(sealing.seal("new one")) == sealing.current_key_id()


def test_a_rotation_that_was_broken_off_goes_on_with_the_same_key(sealed_everywhere, keys, settings, capsys):
    rotation.begin(keys)
    begun = sealing.current_key_id()
    fresh(keys, settings)
    assert sealing.unseal(Variable.objects.get(name="Password").value) == SECRET

    call_command("rotate_master_key", wait=0)

    assert "Going on" in capsys.readouterr().out
    assert sealing.current_key_id() == begun
    assert sealing.key_id_of(Variable.objects.get(name="Password").value) == begun


def test_two_rotations_after_one_another_stay_one_installation(sealed_everywhere, keys, settings):
    mark = load_keys(keys).mark
    call_command("rotate_master_key", wait=0)
    call_command("rotate_master_key", wait=0)
    fresh(keys, settings)

    assert load_keys(keys).mark == mark
    assert sealing.unseal(Variable.objects.get(name="Password").value) == SECRET
    assert keys.stat().st_mode & 0o777 == 0o600


def test_a_damaged_value_is_named_and_keeps_the_former_key(sealed_everywhere, keys, settings):
    variable = Variable.objects.get(name="Password")
    Variable.objects.update(value=variable.value[:-6] + "AAAAA=")

    with pytest.raises(CommandError, match=f"variables.Variable {variable.pk}, value"):
        call_command("rotate_master_key", wait=0)
    assert load_keys(keys).former_master_keys

    call_command("rotate_master_key", wait=0, forget_unreadable=True)
    assert not load_keys(keys).former_master_keys


def test_with_several_nodes_the_next_key_is_made_first(sealed_everywhere, keys, settings):
    NodeFactory(), NodeFactory()
    former = sealing.current_key_id()
    with pytest.raises(CommandError, match="--prepare"):
        call_command("rotate_master_key", wait=0)
    call_command("rotate_master_key", prepare=True)
    elsewhere = MasterKeys(keys.with_name("copy.json"))
    keys.with_name("copy.json").write_bytes(keys.read_bytes())
    keys.with_name("copy.json").chmod(0o600)
    assert sealing.current_key_id() == former

    call_command("rotate_master_key", wait=0)
    settings.MASTER_KEYS = elsewhere
    assert sealing.unseal(Variable.objects.get(name="Password").value) == SECRET
    assert load_keys(keys).former_master_keys

    fresh(keys, settings)
    call_command("rotate_master_key", wait=0, finish=True)
    assert not load_keys(keys).former_master_keys
    with pytest.raises(CommandError, match="no rotation to finish"):
        call_command("rotate_master_key", wait=0, finish=True)


def test_a_server_with_other_keys_says_so_when_it_starts(sealed_everywhere, keys, settings):
    assert rotation.unreadable() == ""
    former = sealing.current_key_id()
    keys.unlink()
    fresh(keys, settings)

    assert f"under the master key {former}" in rotation.unreadable()
    assert "Restore the keys.json" in rotation.unreadable()


SEED = """
from spaces.models import Space
from variables.models import Variable, VariableSet
from variables.services.sealing import seal
space = Space.objects.create(name="Default", slug="default", is_default=True)
owned = VariableSet.objects.create(space=space, owner_kind="project", owner_id=1)
Variable.objects.bulk_create(
    Variable(variable_set=owned, name=f"Secret {n}", type="Sensitive", value=seal(f"secret {n}"))
    for n in range(6000)
)
"""
COUNT = """
from collections import Counter
from variables.models import Variable
from variables.services.sealing import key_id_of, unseal
values = list(Variable.objects.order_by("pk").values_list("value", flat=True))
assert [unseal(one) for one in values] == [f"secret {n}" for n in range(6000)]
print(sorted(Counter(map(key_id_of, values)).values()))
"""


def test_killed_in_the_middle_everything_can_be_read_and_the_next_call_ends_it(tmp_path: Path) -> None:
    place = Place(tmp_path / "home")
    place.done("manage", "migrate", "--verbosity=0")
    place.done("manage", "shell", "--no-imports", "-c", SEED)
    former = {value.split(":")[1] for (value,) in place.sql("SELECT value FROM variables_variable LIMIT 1")}
    rotating = subprocess.Popen(
        [sys.executable, "-m", "octoworkers.cli", "manage", "rotate_master_key", "--wait", "0"],
        env={**os.environ, "OCTOWORKERS_HOME": str(place.home), "DATABASE_URL": place.database},
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: changed(place, former.copy().pop()) > 0)
    rotating.send_signal(signal.SIGKILL)
    rotating.wait()

    assert "6000" not in (shares := place.done("manage", "shell", "--no-imports", "-c", COUNT)), shares
    assert "Going on" in place.done("manage", "rotate_master_key", "--wait", "0")
    assert "[6000]" in place.done("manage", "shell", "--no-imports", "-c", COUNT)
    assert changed(place, former.pop()) == 6000


def changed(place: Place, former: str) -> int:
    values = place.sql("SELECT value FROM variables_variable")
    return sum(value.split(":")[1] != former for (value,) in values)
