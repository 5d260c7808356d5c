"""Steps: adding, changing, copying, ordering, and what two people do at once."""

from __future__ import annotations

import pytest

from accounts.models import Event, Role
from accounts.permissions import NotAllowed
from common.usage import InUse, uses_of
from domain.processes import ProcessDef
from domain.scopes import Kind, Scope
from processes.models import PoolChoice, Process
from processes.services import processes
from processes.services.processes import StaleProcess
from processes.services.steps import StepFields, StepNameTaken, UnknownSteps
from tests.factories import ProjectFactory, UserFactory, WorkerPoolFactory
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets

pytestmark = pytest.mark.django_db


@pytest.fixture
def process(space) -> Process:
    project = ProjectFactory(space=space)
    return processes.get_or_create(owner_kind="project", owner_id=project.pk, space=space)


def add(process: Process, *names: str, **fields) -> list:
    steps = []
    for name in names:
        process.refresh_from_db()
        step = processes.add_step(
            process=process, version=process.version, fields=StepFields(name=name, **fields)
        )
        steps.append(step)
    return steps


def names(process: Process) -> list[str]:
    return list(process.steps.values_list("name", flat=True))


def test_a_new_step_goes_to_the_end_and_takes_the_next_version(process):
    add(process, "Back up", "Migrate")

    assert names(process) == ["Back up", "Migrate"]
    assert list(process.steps.values_list("position", flat=True)) == [1, 2]
    assert process.version == 3
    assert process.revisions.count() == 3


def test_a_step_behind_another_one_moves_the_rest(process):
    first, _ = add(process, "Back up", "Migrate")

    processes.add_step(process=process, version=process.version, fields=StepFields(name="Check"), after=first)

    assert names(process) == ["Back up", "Check", "Migrate"]


def test_names_are_unique_in_a_process_ignoring_case(process):
    add(process, "Back up")

    with pytest.raises(StepNameTaken):
        add(process, "BACK UP")
    process.refresh_from_db()
    assert process.version == 2


def test_renaming_keeps_the_slug_and_may_change_only_the_case(process):
    (step,) = add(process, "Back up")

    processes.edit_step(step=step, version=process.version, fields=StepFields(name="BACK up"))

    step.refresh_from_db()
    assert (step.name, step.slug, step.actions.get().name) == ("BACK up", "back-up", "BACK up")


def test_reordering_gives_every_step_its_new_position(process):
    one, two, three = add(process, "One", "Two", "Three")

    processes.reorder(process=process, version=process.version, step_ids=[three.pk, one.pk, two.pk])

    assert names(process) == ["Three", "One", "Two"]
    assert list(process.steps.values_list("position", flat=True)) == [1, 2, 3]


def test_an_order_with_foreign_missing_or_doubled_steps_is_refused(process, space):
    one, two = add(process, "One", "Two")
    other = processes.get_or_create(owner_kind="runbook", owner_id=1, space=space)
    (foreign,) = add(other, "Foreign")

    for ids in ([one.pk, foreign.pk], [one.pk], [one.pk, one.pk], [one.pk, two.pk, foreign.pk]):
        with pytest.raises(UnknownSteps):
            processes.reorder(process=process, version=process.version, step_ids=ids)
        process.refresh_from_db()
    assert names(process) == ["One", "Two"]


def test_a_copy_stands_behind_its_step_under_a_free_name(process):
    one, _ = add(process, "One", "Two")
    processes.clone_step(step=one, version=process.version)
    one.process.refresh_from_db()

    processes.clone_step(step=one, version=one.process.version)

    assert names(process) == ["One", "One (copy 2)", "One (copy)", "Two"]


def test_deleting_closes_the_gap(process):
    _, two, _ = add(process, "One", "Two", "Three")

    processes.delete_step(step=two, version=process.version)

    assert list(process.steps.values_list("position", flat=True)) == [1, 2]


def test_a_step_that_values_are_scoped_to_is_not_deleted(process, space):
    (step,) = add(process, "One")
    variable_set = variable_sets.get_or_create(
        owner_kind=VariablesOwner.PROJECT, owner_id=process.owner_id, space=space
    )
    scope = Scope.of({Kind.ACTION: [step.actions.get().pk]})
    variable_sets.save(
        variable_set=variable_set,
        version=1,
        rows=[variable_sets.Row(name="Level", value="1", scope=scope)],
    )

    with pytest.raises(InUse) as refused:
        processes.delete_step(step=step, version=process.version)

    assert refused.value.uses[0].label.startswith("Level in ")
    assert names(process) == ["One"]


def test_a_stale_version_changes_nothing_and_brings_both_states(process):
    (step,) = add(process, "One")
    loaded = process.version
    processes.edit_step(step=step, version=loaded, fields=StepFields(name="Theirs"))

    with pytest.raises(StaleProcess) as stale:
        processes.edit_step(step=step, version=loaded, fields=StepFields(name="Mine"))

    assert names(process) == ["Theirs"]
    assert ProcessDef.from_json(stale.value.current).steps[0].name == "Theirs"
    assert ProcessDef.from_json(stale.value.loaded).steps[0].name == "One"


def test_a_version_that_is_too_old_has_no_state_to_compare_with(process):
    (step,) = add(process, "One")
    for _ in range(processes.KEPT_REVISIONS + 1):
        processes.set_disabled(step=step, version=step.process.version, is_disabled=True)

    with pytest.raises(StaleProcess) as stale:
        processes.reorder(process=process, version=1, step_ids=[step.pk])

    assert stale.value.loaded is None
    assert process.revisions.count() == processes.KEPT_REVISIONS


def test_freezing_keeps_everything_that_a_run_needs(process, space):
    pool = WorkerPoolFactory(space=space, name="SQL - Dev")
    body = {"Octopus.Action.Script.ScriptBody": "echo #{Name}", "Octopus.Action.Script.Syntax": "Python"}
    fixed, picked = (
        add(process, "Fixed", properties=body, worker_pool=pool),
        add(
            process,
            "Picked",
            pool_choice=PoolChoice.VARIABLE,
            worker_pool=pool,
            worker_pool_variable="Project.WorkerPool",
            is_disabled=True,
            notes="why",
        ),
    )

    definition = ProcessDef.from_json(processes.freeze(process))

    first, second = (step.actions[0] for step in definition.steps)
    assert [step.number for step in definition.steps] == [1, 2]
    assert (first.id, first.worker_pool_id, first.worker_pool_name) == (
        str(fixed[0].actions.get().pk),
        str(pool.pk),
        "SQL - Dev",
    )
    assert (first.script, first.syntax, first.worker_pool_variable) == ("echo #{Name}", "Python", None)
    assert (second.worker_pool_id, second.worker_pool_variable) == (None, "Project.WorkerPool")
    assert (second.is_disabled, second.notes) == (True, "why")
    assert definition.to_json() == processes.freeze(process)
    assert picked[0].actions.get().worker_pool == pool


def test_freezing_costs_the_same_few_queries_for_many_steps(process, django_assert_num_queries):
    add(process, *(f"Step {number}" for number in range(8)))

    with django_assert_num_queries(2):
        processes.freeze(process)


def test_a_pool_that_the_user_may_not_use_is_refused(process, space):
    pool = WorkerPoolFactory(space=space)
    viewer = UserFactory(role=Role.VIEWER)

    with pytest.raises(NotAllowed):
        processes.add_step(
            process=process,
            version=process.version,
            fields=StepFields(name="One", worker_pool=pool),
            user=viewer,
        )

    assert names(process) == []


def test_a_pool_knows_its_steps_also_those_that_only_keep_it(process, space):
    pool = WorkerPoolFactory(space=space)
    add(process, "Fixed", worker_pool=pool)
    add(process, "Kept", worker_pool=pool, pool_choice=PoolChoice.VARIABLE, worker_pool_variable="P")

    labels = [use.label for use in uses_of(pool)]

    assert len(labels) == 2
    assert labels[0].startswith("Fixed of ")
    assert "kept while a variable picks the pool" in labels[1]


def test_every_change_is_audited(process, editor):
    step = processes.add_step(process=process, version=1, fields=StepFields(name="One"), user=editor)
    processes.set_disabled(step=step, version=2, is_disabled=True, user=editor)

    messages = list(
        Event.objects.filter(subject_kind="Process").order_by("pk").values_list("message", flat=True)
    )
    assert messages[0].startswith("Added step One to ")
    assert messages[1].startswith("Disabled step One of ")
