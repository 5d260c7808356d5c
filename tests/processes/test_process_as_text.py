"""The process as text: nothing is lost, what is wrong is said with its place, what changes is shown first."""

from __future__ import annotations

import pytest

from domain import process_text
from domain.conditions import Applies
from domain.process_text import Form
from domain.step_rules import Condition, Start
from processes import text as texts
from processes.models import PoolChoice, Process
from processes.services import processes
from processes.services.steps import StepFields, fields_of
from projects.models import Project
from projects.services import releases
from tests.factories import EnvironmentFactory, ProjectFactory, TagFactory, TagSetFactory, WorkerPoolFactory

pytestmark = pytest.mark.django_db

URL = "/projects/orders/process/text/"
SCRIPT = {
    "Octopus.Action.RunOnServer": "true",
    "Octopus.Action.Script.ScriptSource": "Inline",
    "Octopus.Action.Script.Syntax": "Bash",
}


@pytest.fixture
def project(space, default_pool) -> Project:
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def admin_client(as_user, administrator):
    return as_user(administrator)


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space, name="SQL – Test", slug="sql-test")


@pytest.fixture
def process(project) -> Process:
    return processes.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)


def add(process: Process, name: str, script: str = "echo one\n", **fields):
    process.refresh_from_db()
    properties = SCRIPT | {"Octopus.Action.Script.ScriptBody": script}
    fields = {"name": name, "properties": properties, **fields}
    return processes.add_step(process=process, version=process.version, fields=StepFields(**fields))


@pytest.fixture
def steps(process, pool, space) -> list:
    test, live = (EnvironmentFactory(space=space, name=name, slug=name.lower()) for name in ("Test", "Live"))
    tag = TagFactory(tag_set=TagSetFactory(space=space, name="Region"), name="EU")
    return [
        add(process, "Back up", script="if true; then\n\techo  \nfi\n", worker_pool=pool, notes="Why\n\nnot"),
        add(
            process,
            "Migrate",
            pool_choice=PoolChoice.VARIABLE,
            worker_pool_variable="Project.WorkerPool",
            condition=Condition.VARIABLE,
            expression="#{Must}",
            start=Start.WITH_PREVIOUS,
            is_disabled=True,
            is_required=True,
            applies=Applies(
                environments=tuple(sorted((str(test.pk), str(live.pk)))), tenant_tags=(tag.canonical_name,)
            ),
        ),
        add(process, "Clean up", applies=Applies(excluded_environments=(str(live.pk),))),
    ]


def text_of(process: Process, form: Form = Form.YAML) -> str:
    return process_text.dump(texts.to_text(process), form)


def stored(process: Process) -> list[StepFields]:
    return [fields_of(step) for step in process.steps.all()]


def post(client, process: Process, text: str, **more):
    process.refresh_from_db()
    return client.post(URL, {"version": process.version, "text": text.replace("\n", "\r\n"), **more})


@pytest.mark.parametrize("form", list(Form))
def test_the_page_shows_a_text_that_changes_nothing(admin_client, process, steps, form):
    response = admin_client.get(f"{URL}?form={form}")

    assert response.context["text"] == text_of(process, form)
    answer = post(admin_client, process, response.context["text"])
    assert answer.context["review"].changes == ()
    assert "Nothing would change" in answer.content.decode()


@pytest.mark.parametrize("form", list(Form))
def test_a_process_in_another_project_becomes_the_same(admin_client, process, steps, space, form):
    before, text = stored(process), text_of(process, form)
    other = ProjectFactory(space=space, name="Other", slug="other")
    theirs = processes.get_or_create(owner_kind="project", owner_id=other.pk, space=space)

    response = admin_client.post(
        "/projects/other/process/text/", {"version": theirs.version, "text": text, "apply": "1"}
    )

    assert response.status_code == 302
    assert stored(theirs) == before
    assert list(theirs.steps.values_list("slug", flat=True)) == ["back-up", "migrate", "clean-up"]


def test_changes_are_shown_before_they_are_saved(admin_client, process, steps):
    text = text_of(process).replace("name: Back up", "name: Back it up").replace("slug: clean-up\n  ", "")
    text = text.replace("Clean up", "Tidy up")

    shown = post(admin_client, process, text).context["review"].changes

    assert [(one.name, one.change) for one in shown] == [
        ("Back it up", "changed"),
        ("Tidy up", "added"),
        ("Clean up", "removed"),
    ]
    assert [step.name for step in process.steps.all()] == ["Back up", "Migrate", "Clean up"]


def test_saved_steps_keep_their_ids_and_the_pool_that_is_not_chosen(admin_client, process, steps, pool):
    text = text_of(process).replace("worker_pool: sql-test", "worker_pool_variable: Pool.Name")
    text = text.replace("name: Back up", "name: Back it up")

    response = post(admin_client, process, text, apply="1")

    assert response.status_code == 302
    (first, *_) = process.steps.all()
    assert (first.pk, first.name, first.slug) == (steps[0].pk, "Back it up", "back-up")
    fields = fields_of(first)
    assert (fields.pool_choice, fields.worker_pool_variable) == (PoolChoice.VARIABLE, "Pool.Name")
    assert fields.worker_pool == pool


def test_two_steps_may_swap_their_names(admin_client, process, steps):
    text = text_of(process)
    text = text.replace("name: Back up", "name: X").replace("name: Clean up", "name: Back up")

    assert (
        post(admin_client, process, text.replace("name: X", "name: Clean up"), apply="1").status_code == 302
    )
    assert [step.name for step in process.steps.all()] == ["Clean up", "Migrate", "Back up"]


def test_a_step_without_slug_is_the_one_of_its_name(admin_client, process, steps):
    text = text_of(process).replace("slug: back-up\n  ", "")

    assert post(admin_client, process, text).context["review"].changes == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sql-test", "nowhere", "Line 5, step Back up, worker_pool: There is no worker pool nowhere here."),
        ("- live", "- mars", "step Migrate, environments: There is no environment mars here."),
        ("Region/EU", "Region/US", "step Migrate, tenant_tags: There is no tenant tag Region/US here."),
        (
            "Octopus.Script\n",
            "Octopus.Magic\n",
            "action_type: This server has no steps of the type Octopus.Magic.",
        ),
        ("Syntax: Bash", "Syntax: Cobol", "step Back up, Language: Select a valid choice."),
        ("ScriptBody: |", "Nothing: |", "step Back up, Script body: Enter the script that this step runs."),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_saved(admin_client, process, steps, old, new, words):
    before = stored(process)

    response = post(admin_client, process, text_of(process).replace(old, new, 1), apply="1")

    assert response.status_code == 422
    assert any(words in str(fault) for fault in response.context["review"].faults), response.context["review"]
    assert stored(process) == before


def test_a_text_that_is_none_keeps_what_was_typed(admin_client, process, steps):
    response = post(admin_client, process, "steps: [", apply="1")

    assert response.status_code == 422
    assert response.context["text"] == "steps: ["
    assert "This is not YAML" in response.content.decode()


def test_somebody_saved_meanwhile(admin_client, process, steps):
    text, version = text_of(process), process.version
    add(process, "Fourth")

    response = admin_client.post(URL, {"version": version, "text": text, "apply": "1"})

    assert response.status_code == 409
    assert [(one.name, one.change) for one in response.context["review"].changes] == [("Fourth", "removed")]
    assert process.steps.count() == 4


def test_who_may_only_look_can_copy_and_not_save(as_user, viewer, process, steps):
    client = as_user(viewer)
    assert client.get(URL).status_code == 200
    assert "Show what changes" not in client.get(URL).content.decode()
    assert post(client, process, "steps: []", apply="1").status_code == 403
    assert process.steps.count() == 3


def test_review_names_what_changed_since_the_last_release(admin_client, project, process, steps):
    page = "/projects/orders/process/changes/"
    assert "This project has none yet" in admin_client.get(page).content.decode()
    releases.create(project=project, version="1.0.0", user=None)
    assert admin_client.get(page).context["changes"] == ()

    processes.set_disabled(
        step=steps[0], version=Process.objects.get(pk=process.pk).version, is_disabled=True
    )

    response = admin_client.get(page)
    assert [(one.name, one.change) for one in response.context["changes"]] == [("Back up", "changed")]
    assert "release 1.0.0" in response.content.decode()
