"""Where a step runs, in the editor: stored, shown, compared, and nothing lost by changing it."""

from __future__ import annotations

import pytest

from domain.processes import ProcessDef
from processes import differences
from processes.models import Location, PoolChoice
from processes.services import processes
from processes.services.steps import fields_of
from tests.factories import TargetFactory, WorkerPoolFactory
from tests.processes.test_editor import STEP, form, process, project, steps

__all__ = ["process", "project", "steps"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def web(space):
    return TargetFactory(space=space, tags=["web", "eu"])


def saved(process):
    return fields_of(process.steps.get(position=1))


@pytest.mark.parametrize("location", ["on-behalf", "target"])
def test_what_is_entered_is_stored_and_comes_back(as_user, editor, process, steps, web, location):
    client = as_user(editor)
    entered = {"location": location, "target_tags": ["web"], "new_target_tags": "db, WEB", "window": "2"}

    assert client.post(STEP, form(process, **entered)).status_code == 302

    fields = saved(process)
    assert (fields.location, fields.target_tags, fields.window) == (Location(location), ("web", "db"), 2)
    page = client.get(STEP).text
    assert f'value="{location}" data-reveal' in page
    for tag in ("web", "db", "eu"):
        assert f'value="{tag}"' in page
    assert "web, db" in page


def test_another_location_loses_nothing(as_user, editor, space, process, steps, web):
    pool, client = WorkerPoolFactory(space=space), as_user(editor)
    entered = {
        "location": "target",
        "target_tags": ["web"],
        "window": "3",
        "pool_choice": "variable",
        "worker_pool": pool.pk,
        "other_variable": "",
    }

    assert client.post(STEP, form(process, **entered)).status_code == 302
    process.refresh_from_db()
    assert client.post(STEP, form(process, **entered | {"location": "worker", "pool_choice": "specific"}))

    fields = saved(process)
    assert (fields.location, fields.target_tags, fields.window) == (Location.WORKER, ("web",), 3)
    assert (fields.pool_choice, fields.worker_pool) == (PoolChoice.SPECIFIC, pool)
    # Tags that are only kept do not reach a run.
    frozen = ProcessDef.from_json(processes.freeze(process)).steps[0]
    assert frozen.actions[0].location.has_targets is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"location": "target"}, "Name the tags of the targets that the step is for."),
        ({"location": "target", "new_target_tags": "x" * 200}, "at most 100 characters"),
        ({"location": "target", "new_target_tags": "web", "window": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_is_refused_is_said_at_its_field(as_user, editor, process, steps, changes, message):
    answer = as_user(editor).post(STEP, form(process, **changes))

    assert answer.status_code == 422
    assert message in answer.text


def test_a_change_of_location_is_shown(as_user, editor, process, steps):
    before = ProcessDef.from_json(processes.freeze(process))
    changes = {"location": "target", "new_target_tags": "web", "window": "2"}
    as_user(editor).post(STEP, form(process, **changes))
    process.refresh_from_db()

    after = ProcessDef.from_json(processes.freeze(process))
    [change] = differences.compare(before, after)

    told = {one.label: one.after for one in change.fields}
    assert told["Execution location"] == "on each deployment target"
    assert (told["Target tags"], told["Targets at a time"]) == ("web", "2")


def test_a_container_is_stored_and_comes_back(as_user, editor, process, steps):
    client = as_user(editor)
    entered = {"container": "container", "container_image": "debian:12", "container_account": "Registry"}

    assert client.post(STEP, form(process, **entered)).status_code == 302

    properties = saved(process).properties
    assert properties["Octoworkers.Action.Container.Image"] == "debian:12"
    assert properties["Octoworkers.Action.Container.AccountVariable"] == "Registry"
    assert 'value="debian:12"' in client.get(STEP).text
    process.refresh_from_db()
    assert client.post(STEP, form(process, container="")).status_code == 302
    assert "Octoworkers.Action.Container.Image" not in saved(process).properties


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"container": "container"}, "Enter the image, such as debian:12."),
        (
            {"container": "container", "container_image": "x", "container_account": "#{x}"},
            "container_account",
        ),
    ],
)
def test_a_container_without_an_image_is_refused(as_user, editor, process, steps, changes, message):
    answer = as_user(editor).post(STEP, form(process, **changes))

    assert answer.status_code == 422
    assert message in answer.text
