"""Child steps: getting and losing a parent, in the editor, as text, and through the history."""

from __future__ import annotations

import pytest

from domain import process_text
from domain.process_text import Form
from domain.processes import SCRIPT_BODY, Location, ProcessDef
from domain.step_rules import Condition, Start
from processes import text
from processes.models import Location as Stored
from processes.models import Process, Step
from processes.services import processes
from processes.services.steps import StepFields, StepNameTaken, UnknownSteps, fields_of
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
ORDER = "/projects/orders/process/order/"


@pytest.fixture
def process(default_pool) -> Process:
    project = ProjectFactory(space=default_pool.space, name="Orders", slug="orders")
    return processes.get_or_create(owner_kind="project", owner_id=project.pk, space=default_pool.space)


def script(name: str, **fields) -> StepFields:
    return StepFields(name=name, properties={SCRIPT_BODY: f"echo {name}"}, **fields)


def add(process: Process, *names: str, **fields) -> list[Step]:
    return [
        processes.add_step(process=process, version=process.version, fields=script(name), **fields)
        for name in names
        if process.refresh_from_db() is None
    ]


@pytest.fixture
def rolling(process) -> list[Step]:
    """Prepare; Deploy with the children Deploy and Check, on web servers two at a time; Tell."""
    web = script(
        "Deploy",
        location=Stored.TARGET,
        target_tags=("web",),
        window=2,
        condition=Condition.ALWAYS,
        start=Start.WITH_PREVIOUS,
    )
    add(process, "Prepare")
    process.refresh_from_db()
    deploy = processes.add_step(process=process, version=process.version, fields=web)
    add(process, "Tell")
    add(process, "Check", into=deploy)
    process.refresh_from_db()
    return list(process.steps.all())


def outline(process: Process) -> list[tuple[str, str]]:
    rows = process.steps.order_by("position").select_related("parent")
    return [(step.name, step.parent.name if step.parent else "") for step in rows]


def frozen(process: Process) -> ProcessDef:
    return ProcessDef.from_json(processes.freeze(process))


def test_the_first_child_makes_a_step_a_parent_that_goes_on_where_it_did(process, rolling):
    _, parent, deploy, _, _ = rolling

    assert outline(process) == [
        ("Prepare", ""),
        ("Deploy", ""),
        ("Deploy", "Deploy"),
        ("Check", "Deploy"),
        ("Tell", ""),
    ]
    assert (parent.is_parent, parent.actions.exists()) == (True, False)
    assert (parent.target_tags, parent.window, parent.condition) == (["web"], 2, "Always")
    assert (deploy.slug, deploy.condition, deploy.start_trigger) == (
        "deploy",
        "Success",
        "StartAfterPrevious",
    )
    step = frozen(process).steps[1]
    assert (step.name, step.number, step.start) == ("Deploy", 2, Start.WITH_PREVIOUS)
    assert [action.name for action in step.actions] == ["Deploy", "Check"]
    assert [one.location_of(action) for one, action in frozen(process).actions() if one.child] == [
        Location.TARGET,
        Location.ON_BEHALF,
    ]


def test_the_last_child_takes_the_place_of_its_parent(process, rolling):
    processes.delete_step(step=rolling[3], version=process.version)

    process.refresh_from_db()
    deploy = process.steps.get(slug="deploy")
    assert outline(process) == [("Prepare", ""), ("Deploy", ""), ("Tell", "")]
    assert (deploy.target_tags, deploy.window, deploy.condition) == (["web"], 2, "Always")
    assert (deploy.start_trigger, deploy.pk) == ("StartWithPrevious", rolling[2].pk)
    assert list(process.steps.values_list("position", flat=True)) == [1, 2, 3]


def test_deleting_a_parent_deletes_its_children_and_history_brings_them_back(process, rolling):
    before = process.revisions.get(version=process.version)

    processes.delete_step(step=rolling[1], version=process.version)
    process.refresh_from_db()
    assert outline(process) == [("Prepare", ""), ("Tell", "")]

    processes.restore(process=process, version=process.version, revision=before)
    assert outline(process)[1:4] == [("Deploy", ""), ("Deploy", "Deploy"), ("Check", "Deploy")]
    assert [step.slug for step in process.steps.all()] == [step.slug for step in rolling]


def test_restoring_moves_children_back_under_the_same_ids(process, rolling):
    before = process.revisions.get(version=process.version)
    ids = [step.pk for step in rolling]
    processes.reorder(process=process, version=process.version, step_ids=ids, parents={})
    process.refresh_from_db()
    assert outline(process) == [("Prepare", ""), ("Deploy", ""), ("Check", ""), ("Tell", "")]

    processes.restore(process=process, version=process.version, revision=before)

    assert outline(process)[1:4] == [("Deploy", ""), ("Deploy", "Deploy"), ("Check", "Deploy")]
    assert process.steps.get(name="Check").pk == rolling[3].pk


def test_copying_a_parent_copies_its_children(process, rolling):
    copy = processes.clone_step(step=rolling[1], version=process.version)

    assert outline(process)[4:7] == [
        ("Deploy (copy)", ""),
        ("Deploy (copy)", "Deploy (copy)"),
        ("Check (copy)", "Deploy (copy)"),
    ]
    assert fields_of(copy).window == 2


def test_a_parent_goes_to_another_process_with_its_children(process, rolling, space):
    other = processes.get_or_create(owner_kind="runbook", owner_id=9, space=space)

    processes.copy_step(step=rolling[1], to=other)

    assert outline(other) == [("Deploy", ""), ("Deploy", "Deploy"), ("Check", "Deploy")]


def test_names_of_children_are_unique_in_the_process(process, rolling):
    with pytest.raises(StepNameTaken):
        add(process, "check")
    process.refresh_from_db()
    with pytest.raises(StepNameTaken):
        add(process, "TELL", into=rolling[1])


def test_an_order_with_grandchildren_is_refused(process, rolling):
    ids = [step.pk for step in rolling]
    prepare, parent, deploy, _, tell = ids
    for parents in ({parent: prepare}, {ids[3]: deploy, deploy: parent}, {tell: tell}):
        with pytest.raises(UnknownSteps):
            processes.reorder(process=process, version=process.version, step_ids=ids, parents=parents)
        process.refresh_from_db()


# --- The editor -----------------------------------------------------------------------------------


def posted(process: Process, **more: object) -> dict[str, object]:
    rows = list(process.steps.all())
    return {
        "version": process.version,
        "step": [step.pk for step in rows],
        "parent": [step.parent_id or "" for step in rows],
        **more,
    }


def test_the_list_draws_children_below_their_parent(as_user, editor, process, rolling):
    page = as_user(editor).get("/projects/orders/process/steps/check/").text

    assert ">2.1</span>" in page
    assert ">2.2</span>" in page
    assert "Each target · web · 2 at a time" in page
    assert page.count(" child") >= 2
    assert page.count('id="step-menu"') == 1
    assert "child of <a" in page


def test_a_child_is_added_through_the_picker(as_user, editor, process, rolling):
    client = as_user(editor)
    picker = client.get("/projects/orders/process/steps/tell/child/")
    assert "Add a child step to Tell" in picker.text
    address = "/projects/orders/process/new/run-a-script/?into=tell"
    assert address in picker.text
    form = {
        "version": process.version,
        "name": "Tell more",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "specific",
        "syntax": "Bash",
        "script": "echo",
        "packages-TOTAL_FORMS": "0",
        "packages-INITIAL_FORMS": "0",
    }

    answer = client.post(address, form)

    assert answer.status_code == 302, answer.text
    assert outline(process)[4:] == [("Tell", ""), ("Tell", "Tell"), ("Tell more", "Tell")]


def test_saving_a_child_keeps_its_parent_and_the_tags_it_had(as_user, editor, process, rolling):
    child = rolling[2]
    form = {
        "version": process.version,
        "name": "Deploy it",
        "is_enabled": "on",
        "location": "target",
        "pool_choice": "specific",
        "condition": "Failure",
        "syntax": "Bash",
        "script": "echo",
    }

    as_user(editor).post("/projects/orders/process/steps/deploy/", form)

    child.refresh_from_db()
    assert (child.name, child.parent_id, child.condition) == ("Deploy it", rolling[1].pk, "Failure")
    assert (child.target_tags, child.window) == (["web"], 2)


def test_saving_a_parent_changes_targets_and_window_for_all_children(as_user, editor, process, rolling):
    parent = rolling[1]
    url = f"/projects/orders/process/steps/{parent.slug}/"
    assert "All children run on one target" in as_user(editor).get(url).text
    form = {"version": process.version, "name": "Roll out", "new_target_tags": "db", "window": "3"}

    as_user(editor).post(url, form)

    step = frozen(process).steps[1]
    assert (step.name, step.target_tags, step.window, len(step.actions)) == ("Roll out", ("db",), 3, 2)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ("out:check", ["Prepare", "Deploy", "Check", "Tell"]),
        ("in:tell", ["Prepare", "Deploy", "-Deploy", "-Check", "-Tell"]),
        ("up:check", ["Prepare", "Deploy", "-Check", "-Deploy", "Tell"]),
        ("up:tell", ["Prepare", "Tell", "Deploy", "-Deploy", "-Check"]),
        ("down:prepare", ["Deploy", "-Deploy", "-Check", "Prepare", "Tell"]),
        ("in:prepare", ["Prepare", "Deploy", "-Deploy", "-Check", "Tell"]),
    ],
)
def test_steps_move_into_and_out_of_a_parent_without_script(
    as_user, editor, process, rolling, move, expected
):
    way, _, slug = move.partition(":")
    step = process.steps.get(slug=slug)

    answer = as_user(editor).post(ORDER, posted(process, move=f"{way}:{step.pk}", current=slug))

    assert answer.status_code == 302
    assert [("-" if parent else "") + name for name, parent in outline(process)] == expected


def test_an_order_that_names_no_parents_leaves_them(as_user, editor, process, rolling):
    rows = posted(process)
    del rows["parent"]

    as_user(editor).post(ORDER, rows)

    assert outline(process)[2:4] == [("Deploy", "Deploy"), ("Check", "Deploy")]


def test_a_parent_has_nothing_to_enable(as_user, editor, process, rolling):
    page = as_user(editor).get(f"/projects/orders/process/steps/{rolling[1].slug}/").text

    assert 'name="is_enabled"' not in page


# --- As text --------------------------------------------------------------------------------------


def known(process: Process, user):
    return text.known(process, user=user)


@pytest.mark.parametrize("form", list(Form))
def test_text_and_back_changes_nothing(process, rolling, administrator, form):
    before = frozen(process)
    written = process_text.dump(text.to_text(process), form)

    parsed = process_text.parse(written)
    rows = text.rows_of(parsed, process, known=known(process, administrator), check=lambda fields: ())
    processes.replace_steps(process=process, version=process.version, rows=rows)

    process.refresh_from_db()
    assert frozen(process) == before


def test_text_makes_a_parent_of_a_step(process, administrator):
    add(process, "Deploy", "Tell")
    process.refresh_from_db()
    parsed = process_text.parse(
        "steps:\n- name: Roll out\n  actions:\n  - slug: deploy\n    name: Deploy\n  - name: Check\n"
    )

    rows = text.rows_of(parsed, process, known=known(process, administrator), check=lambda fields: ())
    kept = process.steps.get(slug="deploy").pk
    processes.replace_steps(process=process, version=process.version, rows=rows)

    assert outline(process) == [("Roll out", ""), ("Deploy", "Roll out"), ("Check", "Roll out")]
    assert process.steps.get(slug="deploy").pk == kept
