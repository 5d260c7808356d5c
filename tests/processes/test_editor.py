"""The editor's pages: who may what, what is refused, and what two people see who save at once."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from domain.scopes import Kind, Scope
from domain.variables import VariableType
from processes.models import PoolChoice, Process
from processes.services import processes
from processes.services.steps import StepFields, StepRow, fields_of
from projects.models import Project, TenantedMode
from tests.factories import (
    DefaultPoolFactory,
    EnvironmentFactory,
    MachineFactory,
    ProjectFactory,
    SpaceFactory,
    TagFactory,
    TagSetFactory,
    TenantFactory,
    WorkerPoolFactory,
)
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets
from variables.services.rows import Row
from workers.models import Machine

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def project(space, default_pool) -> Project:
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def process(project) -> Process:
    return processes.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)


@pytest.fixture
def steps(process) -> list:
    made = []
    for name in ("Back up", "Migrate"):
        process.refresh_from_db()
        fields = StepFields(name=name, properties={"Octopus.Action.Script.ScriptBody": "echo one\n"})
        made.append(processes.add_step(process=process, version=process.version, fields=fields))
    process.refresh_from_db()
    return made


def form(process: Process, **changes: object) -> dict[str, object]:
    return {
        "version": process.version,
        "action_type": "run-a-script",
        "name": "Back up",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "specific",
        "worker_pool": "",
        "worker_pool_variable": "",
        "other_variable": "",
        "syntax": "Bash",
        "script": "echo one\r\n",
        "notes": "",
    } | changes


STEP = "/projects/orders/process/steps/back-up/"
NEW = "/projects/orders/process/new/run-a-script/"


def test_an_empty_process_offers_the_types_of_steps(as_user, editor, project):
    page = as_user(editor).get("/projects/orders/process/")

    assert page.status_code == 200
    assert "Run a script" in page.text
    assert NEW in page.text


def test_the_page_shows_the_first_step_and_each_step_has_its_own(as_user, viewer, steps):
    client = as_user(viewer)

    assert "slug <code>back-up</code>" in client.get("/projects/orders/process/").text
    assert "slug <code>migrate</code>" in client.get("/projects/orders/process/steps/migrate/").text
    assert client.get("/projects/orders/process/steps/nope/").status_code == 404


def test_a_viewer_reads_and_cannot_change(as_user, viewer, process, steps):
    client = as_user(viewer)

    page = client.get(STEP)

    assert "disabled" in page.text
    assert "Save process" not in page.text
    assert client.get(NEW).status_code == 403
    for url in (STEP, NEW, "/projects/orders/process/order/", f"{STEP}delete/", f"{STEP}clone/"):
        assert client.post(url, form(process)).status_code == 403
    assert process.steps.count() == 2


def test_another_space_has_no_such_process(as_user, editor, steps):
    other = SpaceFactory(slug="other")

    assert as_user(editor).get(f"/s/{other.slug}/projects/orders/process/").status_code == 404


def test_adding_a_step_stores_it_under_octopus_properties(as_user, editor, process):
    answer = as_user(editor).post(NEW, form(process, name="  Back   up ", script="echo hi\r\n"))

    step = process.steps.get()
    assert answer.status_code == 302
    assert answer.url == STEP
    assert (step.name, step.slug) == ("Back up", "back-up")
    assert step.actions.get().properties == {
        "Octopus.Action.RunOnServer": "true",
        "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.Script.Syntax": "Bash",
        "Octopus.Action.Script.ScriptBody": "echo hi\n",
    }


def test_saving_with_htmx_sends_the_list_and_the_version_only(as_user, editor, process, steps):
    answer = as_user(editor).post(STEP, form(process, name="Backed up"), **HTMX)

    assert answer.status_code == 200
    assert answer["HX-Reswap"] == "none"
    assert "octo:toast" in answer["HX-Trigger"]
    assert "Backed up" in answer.text
    assert f'name="version" value="{process.version + 1}" id="step-version"' in answer.text
    assert "id_script" not in answer.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "migrate"}, "This process has a step of this name."),
        ({"script": ""}, "Enter the script that this step runs."),
        ({"pool_choice": "variable"}, "Choose the variable that picks the pool."),
        ({"pool_choice": "variable", "other_variable": "a{b"}, "A name cannot hold"),
        ({"syntax": "Perl"}, "Select a valid choice"),
        ({"location": "moon"}, "Select a valid choice"),
        ({"worker_pool": "999999"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_saved_comes_back_with_the_reason(as_user, editor, process, steps, changes, message):
    answer = as_user(editor).post(STEP, form(process, notes="kept as typed", **changes), **HTMX)

    assert answer.status_code == 422
    assert message in answer.text
    assert "kept as typed" in answer.text
    assert steps[0].actions.get().notes == ""


def test_a_pool_of_another_space_is_refused(as_user, editor, process, steps):
    foreign = DefaultPoolFactory(space=SpaceFactory())

    answer = as_user(editor).post(STEP, form(process, worker_pool=foreign.pk))

    assert answer.status_code == 422


def test_changing_the_choice_of_pool_keeps_the_other_one(as_user, editor, process, steps, space):
    pool = WorkerPoolFactory(space=space)
    client = as_user(editor)

    client.post(STEP, form(process, worker_pool=pool.pk, other_variable="Project.WorkerPool"))
    process.refresh_from_db()
    client.post(
        STEP,
        form(process, pool_choice="variable", worker_pool=pool.pk, other_variable="Project.WorkerPool"),
    )

    action = steps[0].actions.get()
    assert action.pool_choice == PoolChoice.VARIABLE
    assert (action.worker_pool, action.worker_pool_variable) == (pool, "Project.WorkerPool")
    page = client.get(STEP)
    assert f'<option value="{pool.pk}" selected>' in page.text
    assert 'value="Project.WorkerPool"' in page.text


def test_the_second_of_two_people_gets_the_difference(as_user, editor, administrator, process, steps):
    loaded = form(process)
    theirs = form(process, script="echo theirs\r\n", notes="from ada")
    as_user(administrator).post(STEP, theirs)

    answer = as_user(editor).post(STEP, loaded | {"name": "Mine", "script": "echo mine\r\n"}, **HTMX)

    assert answer.status_code == 409
    assert "ada saved this process" in answer.text
    assert "<ins>+echo theirs</ins>" in answer.text
    assert "<del>-echo theirs</del>" in answer.text
    assert "<ins>+echo mine</ins>" in answer.text
    assert "Keep mine" in answer.text
    # A field that only they changed comes along, and the next save is on their version.
    assert "from ada</textarea>" in answer.text
    assert f'value="{process.version + 1}" id="step-version"' in answer.text
    assert steps[0].actions.get().properties["Octopus.Action.Script.ScriptBody"] == "echo theirs\n"


def test_keeping_mine_saves_on_their_version(as_user, editor, process, steps):
    stale = form(process, notes="mine")
    client = as_user(editor)
    client.post(STEP, form(process, notes="theirs"))
    process.refresh_from_db()

    answer = client.post(STEP, stale | {"version": process.version, "reload": "1"}, **HTMX)

    assert answer["HX-Redirect"] == STEP
    assert steps[0].actions.get().notes == "mine"


def test_a_step_that_was_deleted_meanwhile_can_be_kept_as_a_new_one(as_user, editor, process, steps):
    stale = form(process, notes="mine")
    processes.delete_step(step=steps[0], version=process.version)
    client = as_user(editor)

    answer = client.post(STEP, stale, **HTMX)

    assert answer.status_code == 409
    assert "They deleted the step" in answer.text
    assert f'hx-post="{NEW}"' in answer.text
    process.refresh_from_db()
    client.post(NEW, stale | {"version": process.version})
    assert list(process.steps.values_list("name", flat=True)) == ["Migrate", "Back up"]


def test_adding_to_a_process_that_somebody_changed_shows_what_and_keeps_the_form(
    as_user, editor, process, steps
):
    answer = as_user(editor).post(NEW, form(process, version=1, name="Third"), **HTMX)

    assert answer.status_code == 409
    assert 'value="Third"' in answer.text
    assert process.steps.count() == 2


def order(process: Process, *steps, **more: object) -> dict[str, object]:
    return {"version": process.version, "step": [step.pk for step in steps], **more}


def names(process: Process) -> list[str]:
    return list(process.steps.values_list("name", flat=True))


def test_the_order_of_the_list_is_the_new_order(as_user, editor, process, steps):
    one, two = steps

    answer = as_user(editor).post(
        "/projects/orders/process/order/", order(process, two, one, current="back-up"), **HTMX
    )

    assert names(process) == ["Migrate", "Back up"]
    assert answer.text.index("Migrate") < answer.text.index("Back up")
    assert 'class="cur"' in answer.text


def test_a_button_moves_a_step_without_script(as_user, editor, process, steps):
    one, two = steps

    answer = as_user(editor).post(
        "/projects/orders/process/order/",
        order(process, one, two, move=f"up:{two.pk}", current="migrate"),
    )

    assert names(process) == ["Migrate", "Back up"]
    assert answer.url == "/projects/orders/process/steps/migrate/"


@pytest.mark.parametrize("move", ["up:0", "sideways:1", "up:", "down:x", ""])
def test_an_odd_move_changes_nothing(as_user, editor, process, steps, move):
    as_user(editor).post("/projects/orders/process/order/", order(process, *steps, move=move))

    assert names(process) == ["Back up", "Migrate"]


def test_a_stale_order_is_offered_again_while_the_form_beside_it_stays(as_user, editor, process, steps):
    one, two = steps
    stale = order(process, two, one)
    processes.set_disabled(step=one, version=process.version, is_disabled=True)

    answer = as_user(editor).post("/projects/orders/process/order/", stale, **HTMX)

    assert answer.status_code == 409
    assert answer["HX-Retarget"] == "#process-conflict"
    assert "Keep my order" in answer.text
    assert names(process) == ["Back up", "Migrate"]


def test_an_order_with_foreign_steps_is_refused(as_user, editor, process, steps, space):
    other = processes.get_or_create(owner_kind="runbook", owner_id=5, space=space)
    foreign = processes.add_step(process=other, version=1, fields=StepFields(name="Foreign"))

    answer = as_user(editor).post("/projects/orders/process/order/", order(process, *steps, foreign))

    assert answer.status_code == 409
    assert "Keep my order" not in answer.text
    assert names(other) == ["Foreign"]


def test_small_acts_on_a_step(as_user, editor, process, steps):
    client = as_user(editor)

    client.post(f"{STEP}disable/", {"version": process.version})
    assert steps[0].actions.get().is_disabled
    client.post(f"{STEP}enable/", {"version": process.version + 1})
    assert not steps[0].actions.get().is_disabled
    answer = client.post(f"{STEP}clone/", {"version": process.version + 2})
    assert answer.url == "/projects/orders/process/steps/back-up-copy/"
    client.post(f"{STEP}delete/", {"version": process.version + 3})
    assert names(process) == ["Back up (copy)", "Migrate"]


def test_a_stale_act_asks_again(as_user, editor, process, steps):
    answer = as_user(editor).post(f"{STEP}delete/", {"version": 1})

    assert answer.status_code == 409
    assert "Delete it all the same" in answer.text
    assert process.steps.count() == 2


def test_a_step_that_values_are_scoped_to_says_so_instead_of_going(as_user, editor, project, process, steps):
    save(project, Row(name="Level", value="1", scope=Scope.of({Kind.ACTION: [steps[0].actions.get().pk]})))

    answer = as_user(editor).post(f"{STEP}delete/", {"version": process.version}, follow=True)

    assert "Level in Orders" in answer.text
    assert process.steps.count() == 2


@pytest.mark.parametrize("route", ["order", "preview", "steps/back-up/clone", "steps/back-up/delete"])
def test_acts_need_a_post(as_user, editor, steps, route):
    assert as_user(editor).get(f"/projects/orders/process/{route}/").status_code == 405


# Preview


def save(project: Project, *rows: Row) -> None:
    variable_set = variable_sets.get_or_create(
        owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)


def choice(**changes: object) -> dict[str, object]:
    return {
        "action_type": "run-a-script",
        "current": "back-up",
        "pool_choice": "variable",
        "worker_pool_variable": "Project.WorkerPool",
    } | changes


def preview(client, **changes: object) -> str:
    answer = client.post("/projects/orders/process/preview/", choice(**changes), **HTMX)
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def pool_row(pool, **ids) -> Row:
    kinds = {"environment": Kind.ENVIRONMENT, "tag": Kind.TENANT_TAG, "step": Kind.ACTION}
    scope = Scope.of({kinds[kind]: [one] for kind, one in ids.items()})
    return Row(name="Project.WorkerPool", type=VariableType.WORKER_POOL, value=str(pool.pk), scope=scope)


@pytest.fixture
def pools(space) -> dict:
    made = {name: WorkerPoolFactory(space=space, name=name) for name in ("SQL - Dev", "SQL - Prod", "EU")}
    MachineFactory(space=space, pools=[made["SQL - Dev"]], slots=2)
    MachineFactory(space=space, pools=[made["SQL - Prod"]], slots=2, busy_slots=2)
    return made


def test_the_preview_shows_the_pool_of_each_environment(as_user, viewer, project, steps, pools, space):
    dev = EnvironmentFactory(space=space, name="Development", sort_order=1)
    prod = EnvironmentFactory(space=space, name="Production", sort_order=2)
    EnvironmentFactory(space=space, name="Elsewhere", sort_order=3)
    save(
        project,
        pool_row(pools["SQL - Dev"], environment=dev.pk),
        pool_row(pools["SQL - Prod"], environment=prod.pk),
    )

    text = preview(as_user(viewer))

    assert text.index("Development") < text.index("SQL - Dev") < text.index("1 of 1 worker online")
    assert text.index("Production") < text.index("SQL - Prod") < text.index("Full now, 2 of 2 slots busy")
    assert "No value applies here" in text
    assert "/projects/orders/variables/?name=Project.WorkerPool" in text


def test_the_preview_says_which_workers_reconnect(as_user, viewer, project, steps, pools, space):
    save(project, pool_row(pools["SQL - Dev"], environment=EnvironmentFactory(space=space).pk))
    Machine.objects.filter(pools=pools["SQL - Dev"]).update(channel="")

    assert "No worker can take work: 1 reconnecting" in preview(as_user(viewer))

    MachineFactory(space=space, pools=[pools["SQL - Dev"]])
    assert "1 of 2 workers online, 1 reconnecting" in preview(as_user(viewer))


def test_the_preview_follows_what_is_chosen_and_not_saved(as_user, viewer, project, steps, pools, space):
    EnvironmentFactory(space=space)
    client = as_user(viewer)

    assert "SQL - Dev" in preview(client, pool_choice="specific", worker_pool=pools["SQL - Dev"].pk)
    assert "No workers" in preview(client, pool_choice="specific", worker_pool=pools["EU"].pk)
    assert "No such variable" in preview(client, worker_pool_variable="", other_variable="Nope")
    assert "Choose a variable" in preview(client, worker_pool_variable="")


def test_tenants_that_get_another_pool_have_a_line_of_their_own(
    as_user, viewer, project, steps, pools, space
):
    prod = EnvironmentFactory(space=space, name="Production")
    eu = TagFactory(tag_set=TagSetFactory(space=space, name="Region"), name="EU")
    TenantFactory(space=space, name="Europa", tags=[eu])
    TenantFactory(space=space, name="Acme")
    save(
        project,
        pool_row(pools["SQL - Prod"], environment=prod.pk),
        pool_row(pools["EU"], environment=prod.pk, tag="Region/EU"),
    )
    client = as_user(viewer)
    assert "Region/EU" not in preview(client)

    project.tenanted_mode = TenantedMode.BOTH
    project.save()
    text = preview(client)

    assert text.index("SQL - Prod") < text.index("Region/EU") < text.index("No workers")
    assert "Acme" not in text


def test_a_value_for_this_step_counts_in_its_preview_only(as_user, viewer, project, steps, pools, space):
    EnvironmentFactory(space=space)
    save(
        project,
        pool_row(pools["SQL - Prod"]),
        pool_row(pools["SQL - Dev"], step=steps[0].actions.get().pk),
    )
    client = as_user(viewer)

    assert "SQL - Dev" in preview(client)
    assert "SQL - Prod" in preview(client, current="migrate")


def test_the_page_costs_the_same_queries_for_many_steps(
    as_user, editor, process, steps, django_assert_max_num_queries
):
    for number in range(10):
        process.refresh_from_db()
        processes.add_step(process=process, version=process.version, fields=StepFields(name=f"Step {number}"))
    client = as_user(editor)

    with django_assert_max_num_queries(40):
        client.get(STEP)


def test_warnings_stand_in_the_list_and_in_the_form(as_user, editor, project, process, steps):
    EnvironmentFactory(space=project.space, name="Test")
    empty = WorkerPoolFactory(space=project.space, name="Empty")
    fields = StepFields(
        name="Deploy",
        properties={"Octopus.Action.Script.ScriptBody": "echo #{Nobody.Knows}\n"},
        worker_pool=empty,
    )
    step = processes.add_step(process=process, version=process.version, fields=fields)

    answer = as_user(editor).get(f"/projects/orders/process/steps/{step.slug}/")

    expected = [
        "Worker pool: Empty has no workers.",
        "Script: #{Nobody.Knows} is no variable of this project. It stays as it is written.",
    ]
    item = answer.context["items"][-1]
    assert [f"{one.field}: {one.message}" for one in item.warnings] == expected
    assert [f"{one.field}: {one.message}" for one in answer.context["warnings"]] == expected
    assert 'aria-label="2 warnings"' in answer.content.decode()


def test_saving_answers_with_the_warnings_as_they_are_now(as_user, editor, process, steps):
    sent = form(process, script="echo #{Nobody.Knows}\n")

    answer = as_user(editor).post(STEP, sent, **HTMX)

    assert answer.status_code == 200
    assert "#{Nobody.Knows} is no variable of this project" in answer.content.decode()


def test_two_hundred_steps_cost_as_many_queries_as_two(
    as_user, editor, process, steps, django_assert_max_num_queries
):
    client = as_user(editor)
    with CaptureQueriesContext(connection) as few:
        client.get(STEP)
    process.refresh_from_db()
    rows = [StepRow(fields_of(step), id=step.pk) for step in process.steps.all()]
    script = {"Octopus.Action.Script.ScriptBody": "echo #{Nobody.Knows} #{Octopus.Environment.Name}\n"}
    rows += [StepRow(StepFields(name=f"Step {number}", properties=script)) for number in range(198)]
    processes.replace_steps(process=process, version=process.version, rows=rows)

    with django_assert_max_num_queries(len(few)):
        answer = client.get(STEP)

    assert len(answer.context["items"]) == 200
