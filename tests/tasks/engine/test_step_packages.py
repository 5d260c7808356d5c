"""What a worker is given of a step that refers to packages."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from domain.accounts import ACCOUNT_KINDS
from domain.package_references import PackageReference, written
from domain.script_sources import (
    FILE_NAME,
    GIT_ACCOUNT,
    GIT_REFERENCE,
    GIT_URI,
    PARAMETERS,
    SCRIPT_SOURCE,
)
from domain.variables import VariableType
from packages.services import packages
from protocol import PROGRAM_SYNTAX, frames
from tasks import package_tokens
from tasks.engine import attempts, jobs
from tests.factories import MachineFactory, WorkerPoolFactory, push_package
from tests.tasks.engine.builders import frozen_variables, live_attempt, queue
from variables.services import credentials

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OTHERS = written([PackageReference("tools", "Acme.Tools")])


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def pool(space):
    pool = WorkerPoolFactory(space=space, name="Tools")
    capabilities = {"features": ["step-programs"], "shells": {"bash": "5.2", "python3": "3.11"}}
    MachineFactory(space=space, pools=[pool], slots=1, last_seen_at=NOW, capabilities=capabilities)
    return pool


def started(task):
    jobs.sweep(now=NOW)
    attempt = live_attempt(task)
    return attempt, attempts.accepted(
        attempt.machine_id, frames.Accepted(str(attempt.pk), attempt.epoch), now=NOW
    )


def test_a_script_with_packages_becomes_a_program_that_may_fetch_them(pool):
    package = push_package("Acme.Tools.1.5.0.zip")
    task = queue("echo #{Octopus.Action.Package[tools].PackageVersion}", pool=pool, properties=OTHERS)

    attempt, frame = started(task)

    assert (frame.syntax, frame.script) == (PROGRAM_SYNTAX, "")
    assert frame.inputs["script"] == "echo 1.5.0"
    [given] = json.loads(frame.inputs["packages"])
    assert (given["name"], given["version"], given["sha256"]) == ("tools", "1.5.0", package.sha256)
    assert given["path"] == f"/api/agents/packages/{package.pk}"
    grant = package_tokens.read(given["token"])
    assert (grant.attempt_id, grant.package_id) == (attempt.pk, package.pk)


def test_a_file_of_a_package_gets_its_parameters_one_by_one(pool):
    push_package("Acme.Tools.1.5.0.zip")
    properties = {
        SCRIPT_SOURCE: "Package",
        FILE_NAME: "run.py",
        PARAMETERS: '--name #{Who} "a b"',
        **written([PackageReference("", "Acme.Tools")]),
    }
    task = queue(
        "", pool=pool, properties=properties, variables=frozen_variables([("Who", "String", "x; y z")])
    )

    _, frame = started(task)

    assert frame.inputs["syntax"] == "Python"
    assert json.loads(frame.inputs["parameters"]) == ["--name", "x; y z", "a b"]


def test_a_git_repository_gets_its_account_among_the_inputs_and_it_is_masked(pool, space):
    machine = pool.machines.get()
    machine.capabilities = {**machine.capabilities, "tools": {"git": "2.39"}}
    machine.save()
    account = credentials.create_account(
        space=space,
        name="Git",
        kind=ACCOUNT_KINDS["Token"],
        fields={"Token": "a very secret token"},
    )
    properties = {
        SCRIPT_SOURCE: "GitRepository",
        GIT_URI: "https://git.example.com/#{Team}.git",
        GIT_REFERENCE: "v1",
        GIT_ACCOUNT: "Git.Login",
        FILE_NAME: "run.sh",
    }
    rows = [("Git.Login", VariableType.TOKEN, str(account.pk)), ("Team", "String", "ops")]
    task = queue("", pool=pool, properties=properties, variables=frozen_variables(rows))

    _, frame = started(task)

    assert frame.inputs["git_uri"] == "https://git.example.com/ops.git"
    assert (frame.inputs["git_token"], frame.inputs["git_password"]) == ("a very secret token", "")
    assert frame.secrets == ["a very secret token"]
    assert task.executions.get().needs == ["bash", "step-programs", "git"]


def test_a_package_that_was_deleted_meanwhile_ends_the_step_by_name(pool):
    package = push_package("Acme.Tools.1.5.0.zip")
    task = queue("true", pool=pool, properties=OTHERS)
    packages.delete(package, user=None)

    started(task)

    [execution] = task.executions.all()
    assert "The package Acme.Tools 1.5.0 has been deleted since the run was planned." in execution.message


def test_a_package_that_was_pushed_again_is_not_taken_instead(pool):
    push_package("Acme.Tools.1.5.0.zip")
    task = queue("true", pool=pool, properties=OTHERS)
    push_package("Acme.Tools.1.6.0.zip")

    _, frame = started(task)

    assert json.loads(frame.inputs["packages"])[0]["version"] == "1.5.0"
