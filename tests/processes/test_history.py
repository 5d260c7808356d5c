"""Who saved a process when, what that changed, and the way back."""

from __future__ import annotations

import pytest

from domain.conditions import Applies
from domain.scopes import Kind, Scope
from processes.models import PoolChoice, Process
from processes.services import processes
from processes.services.steps import StepFields, fields_of
from projects.models import Project
from tests.factories import EnvironmentFactory, ProjectFactory, WorkerPoolFactory
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets
from variables.services.rows import Row

pytestmark = pytest.mark.django_db

PAGE = "/projects/orders/process/"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def project(space, default_pool) -> Project:
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def process(project) -> Process:
    return processes.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)


@pytest.fixture
def client(as_user, editor):
    return as_user(editor)


def add(process: Process, name: str, user=None, **fields):
    process.refresh_from_db()
    return processes.add_step(
        process=process, version=process.version, fields=StepFields(name=name, **fields), user=user
    )


@pytest.fixture
def steps(process, space, editor) -> list:
    pool = WorkerPoolFactory(space=space, name="SQL")
    test = EnvironmentFactory(space=space, name="Test")
    found = [
        add(process, "Back up", editor, worker_pool=pool, notes="Why", is_required=True),
        add(process, "Migrate", editor, applies=Applies(environments=(str(test.pk),)), is_disabled=True),
        add(process, "Tell", pool_choice=PoolChoice.VARIABLE, worker_pool_variable="Pool"),
    ]
    process.refresh_from_db()
    return found


def rows(process: Process) -> list:
    return [(step.name, step.slug, step.position, fields_of(step)) for step in process.steps.all()]


def restore(client, process: Process, revision: int, **headers):
    process.refresh_from_db()
    return client.post(f"{PAGE}restore/", {"version": process.version, "revision": revision}, **headers)


def test_a_deleted_step_comes_back_whole_and_in_its_place(client, process, steps):
    before = rows(process)
    answer = client.post(f"{PAGE}steps/migrate/delete/", {"version": process.version}, follow=True)
    page = answer.content.decode()
    assert "Deleted step Migrate." in page
    assert "Undo" in page

    answer = restore(client, process, answer.context["undo_version"])

    assert answer.status_code == 302
    assert rows(process) == before


def test_there_is_nothing_to_undo_once_somebody_saved(client, process, steps):
    version = process.version
    client.post(f"{PAGE}steps/migrate/delete/", {"version": version})
    add(process, "Another")

    answer = client.get(PAGE, {"deleted": version})

    assert "undo_version" not in answer.context
    sent = client.post(f"{PAGE}restore/", {"version": version + 1, "revision": version})
    assert sent.status_code == 409
    assert [step.name for step in process.steps.all()] == ["Back up", "Tell", "Another"]


def test_undo_is_not_offered_to_who_may_only_look(as_user, viewer, client, process, steps):
    client.post(f"{PAGE}steps/migrate/delete/", {"version": process.version})

    assert "undo_version" not in as_user(viewer).get(PAGE, {"deleted": process.version}).context
    assert restore(as_user(viewer), process, 2).status_code == 403


def test_history_says_who_did_what_newest_first(client, process, steps):
    answer = client.get(f"{PAGE}history/")

    said = [(one.version, one.message, one.saved_by) for one in answer.context["revisions"]]
    assert said == [
        (4, "Added step Tell", ""),
        (3, "Added step Migrate", "edith"),
        (2, "Added step Back up", "edith"),
        (1, "Created", ""),
    ]
    assert all(one.saved_at for one in answer.context["revisions"])


def test_a_version_is_compared_with_the_one_before(client, process, steps):
    answer = client.get(f"{PAGE}history/", {"version": 3})

    assert [(one.name, one.change) for one in answer.context["changes"]] == [("Migrate", "added")]
    assert "Restore the steps of version 3" in answer.content.decode()
    first = client.get(f"{PAGE}history/", {"version": 1}).content.decode()
    assert "nothing to compare it with" in first
    assert client.get(f"{PAGE}history/", {"version": 99}).status_code == 404


def test_an_older_version_is_restored_as_a_new_one(client, process, steps):
    answer = restore(client, process, 3)

    assert answer.status_code == 302
    process.refresh_from_db()
    assert process.version == 5
    assert [step.pk for step in process.steps.all()] == [one.pk for one in steps[:2]]
    assert process.revisions.get(version=5).message == "Restored version 3"


def test_values_that_are_scoped_to_a_step_hold_it(client, project, process, steps):
    variables = variable_sets.get_or_create(
        owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    scope = Scope.of({Kind.ACTION: [steps[2].actions.get().pk]})
    variable_sets.save(
        variable_set=variables,
        version=variables.version,
        rows=[Row(name="Only", value="1", scope=scope)],
    )

    answer = client.post(f"{PAGE}restore/", {"version": process.version, "revision": 3}, follow=True)

    assert "Nothing was restored" in answer.content.decode()
    assert process.steps.count() == 3
