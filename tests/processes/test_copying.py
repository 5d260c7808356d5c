"""A step copied to another process, and what is said of what it leaves behind."""

from __future__ import annotations

import pytest

from domain.step_rules import Start
from processes.models import Process
from processes.services import processes
from processes.services.steps import StepFields, fields_of
from projects.models import Project
from tests.factories import ProjectFactory, RunbookFactory, SpaceFactory

pytestmark = pytest.mark.django_db

PAGE = "/projects/orders/process/steps/back-up/copy-to/"
SCRIPT = {"Octopus.Action.Script.ScriptBody": "echo #{Only.Here} #{Octopus.Action[Check].Output.X}\n"}


@pytest.fixture
def project(space, default_pool) -> Project:
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def process(project) -> Process:
    found = processes.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)
    fields = StepFields(name="Back up", properties=SCRIPT, notes="Why", start=Start.WITH_PREVIOUS)
    processes.add_step(process=found, version=found.version, fields=fields)
    return found


def test_offers_every_other_process_that_may_be_edited(as_user, editor, process, project, space):
    RunbookFactory(project=project, name="Nightly", slug="nightly")
    ProjectFactory(space=space, name="Billing", slug="billing")
    ProjectFactory(space=SpaceFactory(), name="Elsewhere", slug="elsewhere")

    answer = as_user(editor).get(PAGE)

    found = [(one.group, one.label) for one in answer.context["destinations"]]
    assert found == [("Billing", "Deployment process"), ("Orders", "Runbook Nightly")]


def test_the_copy_becomes_the_last_step_there_and_says_what_it_lacks(as_user, editor, process, project):
    runbook = RunbookFactory(project=project, name="Nightly", slug="nightly")

    answer = as_user(editor).post(PAGE, {"to": f"runbook:{runbook.pk}"}, follow=True)

    assert answer.redirect_chain[-1][0] == "/projects/orders/runbooks/nightly/process/steps/back-up/"
    theirs = Process.objects.get(owner_kind="runbook", owner_id=runbook.pk)
    (copy,) = theirs.steps.all()
    fields = fields_of(copy)
    assert (copy.name, fields.notes, dict(fields.properties)) == ("Back up", "Why", SCRIPT)
    assert fields.start is Start.AFTER_PREVIOUS
    assert [one.message for one in answer.context["warnings"] if one.field == "Script"] == [
        "#{Only.Here} is no variable of this project. It stays as it is written.",
        "There is no step Check here, so nothing of it can be used.",
    ]


def test_a_name_that_is_taken_there_becomes_another_one(as_user, editor, process, space):
    other = ProjectFactory(space=space, name="Billing", slug="billing")
    client = as_user(editor)
    for _ in range(2):
        client.post(PAGE, {"to": f"project:{other.pk}"})

    theirs = Process.objects.get(owner_kind="project", owner_id=other.pk)
    assert list(theirs.steps.values_list("name", flat=True)) == ["Back up", "Back up (copy)"]
    assert process.steps.count() == 1


@pytest.mark.parametrize("to", ["", "project:0", "project:x", "nonsense"])
def test_a_process_that_is_not_offered_gets_nothing(as_user, editor, process, space, to):
    ProjectFactory(space=space, name="Billing", slug="billing")

    answer = as_user(editor).post(PAGE, {"to": to})

    assert answer.status_code == 422
    assert "Choose the process that gets the copy." in answer.content.decode()


def test_the_process_itself_is_not_offered(as_user, editor, process, project):
    assert as_user(editor).post(PAGE, {"to": f"project:{project.pk}"}).status_code == 422
    assert "There is no other process" in as_user(editor).get(PAGE).content.decode()


def test_who_may_only_look_cannot_copy(as_user, viewer, process, space):
    other = ProjectFactory(space=space, name="Billing", slug="billing")

    assert as_user(viewer).get(PAGE).status_code == 403
    assert as_user(viewer).post(PAGE, {"to": f"project:{other.pk}"}).status_code == 403
