"""Steps that run under conditions, and beside each other, with the database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from domain.processes import (
    BACKOFF,
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    RETRY_AFTER,
    RETRY_CODES,
    ProcessDef,
)
from domain.runs import Answer
from domain.step_rules import Condition, Start
from protocol import frames
from tasks.engine import jobs
from tasks.models import Attempt, Kind, ServerTask, TaskState
from tasks.services import interruptions, planning, tasks
from tasks.services.options import Resume, RunOptions
from tests.factories import EnvironmentFactory, MachineFactory, UserFactory, WorkerPoolFactory
from tests.tasks.engine.builders import NO_VARIABLES, frozen_variables, process
from tests.tasks.engine.test_attempts import NOW, accept, admit, finish, fresh, start

pytestmark = pytest.mark.django_db

WITH = {"start": Start.WITH_PREVIOUS}
ALWAYS = {"condition": Condition.ALWAYS}
FAILURE = {"condition": Condition.FAILURE}


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space, name="SQL - Dev")


@pytest.fixture
def worker(pool):
    return MachineFactory(space=pool.space, pools=[pool], slots=20, last_seen_at=NOW)


def if_true(expression: str) -> dict[str, object]:
    return {"condition": Condition.VARIABLE, "expression": expression}


def queue(pool, *steps, variables=NO_VARIABLES, options=RunOptions(), properties=None) -> ServerTask:  # noqa: B008
    """A queued run of steps that each print their number; `steps` say what is special about them."""
    plain = process(*[f"echo {n}" for n in range(len(steps))], pool=pool, properties=properties)
    made = ProcessDef(tuple(replace(step, **own) for step, own in zip(plain.steps, steps, strict=True)))
    return queue_process(pool, made, variables=variables, options=options)


def queue_process(pool, made: ProcessDef, *, variables=NO_VARIABLES, options=RunOptions()) -> ServerTask:  # noqa: B008
    environment = EnvironmentFactory(space=pool.space)
    plan = planning.build(
        space=pool.space,
        process=made.to_json(),
        variables=variables,
        environment=environment,
        tenant=None,
        process_ref="runbook:1",
    )
    return tasks.create(
        space=pool.space,
        kind=Kind.RUNBOOK_RUN,
        name="A runbook",
        subject_kind="runbook-run",
        subject_id=1,
        subject_url="/",
        project_id=None,
        project_name="",
        runbook_id=1,
        environment=environment,
        tenant=None,
        plan=plan,
        concurrency_key="runbook:1",
        user=UserFactory(),
        now=timezone.now(),
        options=options,
    )


def states(task: ServerTask) -> list[str]:
    return [one.state for one in task.executions.order_by("number")]


def attempt_of(task: ServerTask, number: int) -> Attempt:
    return Attempt.objects.filter(execution__task=task, execution__number=number).latest("epoch")


def run(task: ServerTask, number: int, *, code: int = 0, **given) -> frames.Frame:
    """A step that runs comes to its end; gives what the worker was told to run."""
    attempt = attempt_of(task, number)
    told = accept(attempt)
    start(attempt)
    finish(attempt, code=code, **given)
    return told


def test_after_a_failure_only_steps_run_that_say_so_and_the_run_has_failed(pool, worker):
    task = queue(pool, {}, {}, FAILURE, ALWAYS)
    admit()
    run(task, 1, code=3)
    assert states(task) == ["Failed", "Skipped", "Running", "Pending"]
    told = run(task, 3)
    run(task, 4)

    task = fresh(task)
    assert states(task) == ["Failed", "Skipped", "Success", "Success"]
    assert (task.state, task.error_message) == (TaskState.FAILED, "The script ended with exit code 3.")
    assert told.variables["Octopus.Deployment.Error"] == "The script ended with exit code 3."
    assert told.variables["Octopus.Step[Step 1].Status.Code"] == "Failed"
    assert told.variables["Octopus.Action[Step 2].IsSkipped"] == "True"
    assert task.executions.get(number=2).message == "Not run, because a step before it failed."


def test_what_waits_for_a_failure_is_skipped_without_one(pool, worker):
    task = queue(pool, {}, FAILURE, ALWAYS)
    admit()
    told = run(task, 1)
    assert "Octopus.Deployment.Error" not in told.variables
    run(task, 3)

    assert fresh(task).state == TaskState.SUCCESS
    assert states(task) == ["Success", "Skipped", "Success"]
    assert task.executions.get(number=2).message == "Not run, because no step before it failed."


@pytest.mark.parametrize(("value", "state"), [("True", "Running"), ("False", "Skipped"), ("no", "Skipped")])
def test_an_output_variable_decides(pool, worker, value, state):
    task = queue(pool, {}, if_true("#{Octopus.Action[Step 1].Output.Migrate}"))
    admit()
    run(task, 1, outputs=[frames.OutputValue("Migrate", value, sensitive=False)])

    assert states(task) == ["Success", state]


def test_an_expression_that_looks_at_the_error_runs_after_a_failure(pool, worker):
    task = queue(pool, {}, if_true("#{Octopus.Deployment.Error}"), if_true("#{Nothing}"))
    admit()
    run(task, 1, code=1)
    run(task, 2)

    assert states(task) == ["Failed", "Success", "Skipped"]
    assert fresh(task).state == TaskState.FAILED


def test_an_expression_knows_what_became_of_a_step(pool, worker):
    variables = frozen_variables([("Wanted", "String", "#{Octopus.Action[Step 2].IsSkipped}")])
    task = queue(pool, {}, FAILURE, if_true("#{Wanted}"), variables=variables)
    admit()
    run(task, 1)

    assert states(task) == ["Success", "Skipped", "Running"]


def test_an_expression_that_cannot_be_evaluated_fails_the_step_and_says_why(pool, worker):
    task = queue(pool, if_true("#{Octopus.Action[Step 1].Output.A}"), ALWAYS)
    # What a script puts out may refer to itself; a plan cannot know.
    task.plan["steps"][0]["expression"] = "#{A}"
    task.plan["candidates"] = [
        {"id": "1", "name": "A", "type": "String", "value": "#{A}", "scope": {}, "source": "project"}
    ]
    task.save()
    admit()

    assert states(task)[0] == "Failed"
    assert "Its condition cannot be evaluated." in task.executions.get(number=1).message


def test_steps_of_a_group_run_at_once_and_what_follows_waits_for_all(pool, worker):
    task = queue(pool, {}, WITH, WITH, {})
    admit()
    assert states(task) == ["Running", "Running", "Running", "Pending"]
    run(task, 2)
    run(task, 1)
    assert states(task)[3] == "Pending"
    run(task, 3)
    assert states(task)[3] == "Running"
    run(task, 4)
    assert fresh(task).state == TaskState.SUCCESS


def test_no_more_run_at_once_than_the_cap_allows(pool, worker):
    variables = frozen_variables([("Octopus.Action.MaxParallelism", "String", "2")])
    task = queue(pool, {}, WITH, WITH, WITH, variables=variables)
    admit()
    assert states(task) == ["Running", "Running", "Pending", "Pending"]
    run(task, 2)
    assert states(task) == ["Running", "Success", "Running", "Pending"]


def test_ten_run_at_once_unless_a_variable_says_otherwise(pool, worker):
    task = queue(pool, {}, *[WITH] * 11)
    admit()

    assert states(task) == ["Running"] * 10 + ["Pending"] * 2


def test_a_failure_in_a_group_lets_the_others_finish_and_begins_nothing(pool, worker):
    variables = frozen_variables([("Octopus.Action.MaxParallelism", "String", "2")])
    task = queue(pool, {}, WITH, WITH, {}, variables=variables)
    admit()
    run(task, 1, code=1)
    assert states(task) == ["Failed", "Running", "Skipped", "Pending"]
    assert fresh(task).state == TaskState.EXECUTING
    run(task, 2)

    assert fresh(task).state == TaskState.FAILED
    assert states(task) == ["Failed", "Success", "Skipped", "Skipped"]


def test_steps_of_a_group_do_not_see_each_others_outputs_and_the_next_one_does(pool, worker):
    task = queue(pool, {}, WITH, {})
    admit()
    second = attempt_of(task, 2)
    run(task, 1, outputs=[frames.OutputValue("A", "1", sensitive=False)])
    told = accept(second)
    assert "Octopus.Action[Step 1].Output.A" not in told.variables
    start(second)
    finish(second)

    assert run(task, 3).variables["Octopus.Action[Step 1].Output.A"] == "1"


def test_a_cancel_stops_all_of_a_group_and_starts_nothing(pool):
    worker = MachineFactory(space=pool.space, pools=[pool], slots=2, last_seen_at=NOW)
    task = queue(pool, {}, WITH, WITH)
    admit()
    assert states(task) == ["Running", "Running", "Waiting"]
    first, second = attempt_of(task, 1), attempt_of(task, 2)
    for attempt in (first, second):
        accept(attempt)
        start(attempt)

    tasks.cancel(task, user=UserFactory(), now=NOW)

    assert states(task) == ["Running", "Running", "Canceled"]
    finish(first, outcome="canceled", code=None)
    assert fresh(task).state == TaskState.CANCELLING
    finish(second, outcome="canceled", code=None)
    assert fresh(task).state == TaskState.CANCELED
    assert fresh(worker).busy_slots == 0


def test_a_question_in_a_group_holds_nobody_up_beside_it(pool, worker):
    task = queue(pool, {}, WITH, {}, options=RunOptions(guided_failure=True))
    admit()
    run(task, 1, code=1)
    assert states(task) == ["Interrupted", "Running", "Pending"]
    assert not fresh(task).awaits_answer
    run(task, 2)
    assert fresh(task).awaits_answer

    asked = task.interruptions.get(closed_at__isnull=True)
    interruptions.answer(asked, answer=Answer.IGNORE, notes="", user=UserFactory(), now=NOW)

    assert states(task) == ["Ignored", "Success", "Running"]


def test_the_failure_of_a_required_step_cannot_be_ignored(pool, worker):
    plain = process("false", pool=pool)
    action = replace(plain.steps[0].actions[0], is_required=True)
    made = ProcessDef((replace(plain.steps[0], actions=(action,)),))
    task = queue_process(pool, made, options=RunOptions(guided_failure=True))
    admit()
    run(task, 1, code=1)

    asked = task.interruptions.get(closed_at__isnull=True)
    assert asked.choices == ["Fail", "Retry"]
    with pytest.raises(interruptions.NotAChoice):
        interruptions.answer(asked, answer=Answer.IGNORE, notes="", user=UserFactory(), now=NOW)


def test_a_manual_step_asks_under_its_condition(pool, worker):
    plain = process("false", "", pool=pool)
    manual = replace(
        plain.steps[1].actions[0],
        action_type=MANUAL_ACTION,
        properties={MANUAL_INSTRUCTIONS: "Look: #{Octopus.Deployment.Error}"},
        worker_pool_id=None,
    )
    asks = replace(plain.steps[1], actions=(manual,), condition=Condition.FAILURE)
    task = queue_process(pool, ProcessDef((plain.steps[0], asks)))
    admit()
    run(task, 1, code=7)

    asked = task.interruptions.get(closed_at__isnull=True)
    assert asked.text == "Look: The script ended with exit code 7."
    interruptions.answer(asked, answer=Answer.PROCEED, notes="", user=UserFactory(), now=NOW)
    assert fresh(task).state == TaskState.FAILED
    assert fresh(task).error_message == "The script ended with exit code 7."


def test_only_the_exit_codes_that_count_are_tried_again(pool, worker):
    task = queue(pool, {}, properties={RETRIES: "5", RETRY_CODES: "75, 76"})
    admit()
    run(task, 1, code=75)
    assert states(task) == ["Running"]
    run(task, 1, code=1)

    assert (states(task), fresh(task).state) == (["Failed"], TaskState.FAILED)


def test_the_pause_between_tries_doubles(pool, worker):
    task = queue(pool, {}, properties={RETRIES: "3", RETRY_AFTER: "10", BACKOFF: "Exponential"})
    admit()
    pauses = []
    for _ in range(3):
        run(task, 1, code=1)
        due = task.executions.get().wake_at
        pauses.append((due - NOW).total_seconds())
        jobs.sweep(now=due)

    assert pauses == [10, 20, 40]


def test_going_on_after_a_group_runs_what_was_passed_over_and_not_what_succeeded(pool, worker):
    variables = frozen_variables([("Octopus.Action.MaxParallelism", "String", "3")])
    task = queue(pool, {}, {}, WITH, WITH, WITH, variables=variables)
    admit()
    run(task, 1)
    assert states(task) == ["Success", "Running", "Running", "Running", "Pending"]
    run(task, 3, code=1)
    run(task, 2)
    run(task, 4)
    assert states(task) == ["Success", "Success", "Failed", "Success", "Skipped"]
    assert fresh(task).state == TaskState.FAILED

    again = tasks.create(
        **{
            name: getattr(task, name)
            for name in ("space", "kind", "name", "subject_kind", "subject_id", "subject_url", "project_id")
        },
        project_name="",
        runbook_id=1,
        environment=task.environment,
        tenant=None,
        plan=planning.RunPlan.from_json(fresh(task).plan),
        concurrency_key="runbook:1",
        user=UserFactory(),
        now=timezone.now(),
        options=RunOptions(resume=Resume(fresh(task), 3)),
    )
    admit()

    assert states(again) == ["Success", "Success", "Running", "Success", "Running"]
