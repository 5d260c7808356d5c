"""Retries, limits, questions, outputs: what happens between the steps of a run, with the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from domain.processes import (
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    RETRY_AFTER,
    TIME_LIMIT,
    UNKNOWN_OUTCOME,
)
from domain.runs import Answer
from protocol import frames
from tasks.engine import contact, jobs
from tasks.models import Attempt, AttemptState, Interruption, OutputVariable, ServerTask, StepState, TaskState
from tasks.services import interruptions, tasks
from tasks.services.options import RunOptions
from tests.factories import MachineFactory, UserFactory, WorkerPoolFactory
from tests.tasks.engine.builders import live_attempt, queue
from tests.tasks.engine.test_attempts import NOW, accept, admit, finish, fresh, run_step

pytestmark = pytest.mark.django_db
GUIDED = RunOptions(guided_failure=True)


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space, name="SQL - Dev")


@pytest.fixture
def worker(pool):
    return MachineFactory(space=pool.space, pools=[pool], slots=1, last_seen_at=NOW)


def states(task: ServerTask) -> list[str]:
    return [execution.state for execution in task.executions.order_by("number")]


def question(task: ServerTask) -> Interruption:
    return Interruption.objects.get(task=task, closed_at__isnull=True)


def say(task: ServerTask, answer: Answer, notes: str = "") -> None:
    interruptions.answer(question(task), answer=answer, notes=notes, user=UserFactory(), now=NOW)


def test_a_failed_step_is_tried_again_when_its_pause_is_over(pool, worker):
    task = queue("false", "echo two", pool=pool, properties={RETRIES: "1", RETRY_AFTER: "30"})
    admit()
    finish(run_step(task), code=3)

    step = task.executions.get(number=1)
    assert (step.state, step.failures, step.wake_at) == (StepState.RETRYING, 1, NOW + timedelta(seconds=30))
    assert fresh(worker).busy_slots == 0
    jobs.sweep(now=NOW + timedelta(seconds=29))
    assert states(task) == ["Retrying", "Pending"]

    jobs.sweep(now=NOW + timedelta(seconds=30))

    assert states(task) == ["Running", "Pending"]
    assert live_attempt(task).epoch == 2
    finish(run_step(task))
    finish(run_step(task))
    assert fresh(task).state == TaskState.SUCCESS


def test_the_last_failure_is_final(pool, worker):
    task = queue("false", "echo two", pool=pool, properties={RETRIES: "1"})
    admit()
    finish(run_step(task), code=3)
    finish(run_step(task), code=4)

    task = fresh(task)
    assert (task.state, task.error_message) == (TaskState.FAILED, "The script ended with exit code 4.")
    assert states(task) == ["Failed", "Skipped"]
    assert Attempt.objects.filter(execution__task=task).count() == 2


def test_a_step_whose_time_is_up_is_stopped_and_has_failed(pool, worker):
    task = queue("sleep 999", pool=pool, properties={TIME_LIMIT: "2"})
    admit()
    attempt = run_step(task)
    jobs.sweep(now=NOW + timedelta(seconds=119))
    assert not fresh(attempt).cancel_requested

    jobs.sweep(now=NOW + timedelta(seconds=120))

    assert fresh(attempt).cancel_requested
    assert fresh(attempt).timed_out
    finish(attempt, outcome="canceled", code=None)
    task = fresh(task)
    assert (task.state, states(task)) == (TaskState.FAILED, ["Failed"])
    assert "time was up" in task.error_message


def test_a_step_that_was_never_accepted_ends_at_once_when_its_time_is_up(pool, worker):
    task = queue("sleep 999", pool=pool, properties={TIME_LIMIT: "1"})
    admit()
    MachineFactory._meta.model.objects.filter(pk=worker.pk).update(last_seen_at=NOW + timedelta(minutes=1))
    Attempt.objects.filter(execution__task=task).update(assigned_at=NOW + timedelta(seconds=50))

    jobs.sweep(now=NOW + timedelta(minutes=1))

    assert fresh(task).state == TaskState.FAILED
    assert fresh(worker).busy_slots == 0
    assert Attempt.objects.get(execution__task=task).state == AttemptState.WITHDRAWN


def test_a_run_whose_time_is_up_is_timed_out_when_its_script_has_stopped(pool, worker):
    task = queue("sleep 999", "echo two", pool=pool, options=RunOptions(time_limit_minutes=5))
    admit()
    attempt = run_step(task)

    jobs.sweep(now=NOW + timedelta(minutes=5))

    assert fresh(task).state == TaskState.CANCELLING
    finish(attempt, outcome="canceled", code=None)
    task = fresh(task)
    assert (task.state, states(task)) == (TaskState.TIMED_OUT, ["Canceled", "Canceled"])
    assert "time limit of 5 minutes" in task.error_message


class TestQuestions:
    def test_a_guided_run_asks_and_holds_no_slot_meanwhile(self, pool, worker):
        task = queue("false", "echo two", pool=pool, options=GUIDED)
        admit()
        finish(run_step(task), code=3)

        asked = question(task)
        assert (asked.kind, asked.text) == ("GuidedFailure", "The script ended with exit code 3.")
        assert asked.choices == ["Fail", "Retry", "Ignore", "Exclude"]
        assert fresh(task).awaits_answer
        assert fresh(worker).busy_slots == 0

    def test_ignore_goes_on_with_the_next_step(self, pool, worker):
        task = queue("false", "echo two", pool=pool, options=GUIDED)
        admit()
        finish(run_step(task), code=3)
        say(task, Answer.IGNORE, notes="known")

        assert states(task) == ["Ignored", "Running"]
        assert not fresh(task).awaits_answer
        finish(run_step(task))
        assert fresh(task).state == TaskState.SUCCESS
        asked = Interruption.objects.get(task=task)
        assert (asked.answer, asked.notes, asked.closed_at) == ("Ignore", "known", NOW)

    def test_exclude_tries_again_on_another_worker_alone(self, pool, worker):
        other = MachineFactory(space=pool.space, pools=[pool], slots=1)
        task = queue("false", pool=pool, options=GUIDED)
        admit()
        first = run_step(task)
        finish(first, code=3)
        say(task, Answer.EXCLUDE)

        second = live_attempt(task)
        assert {first.machine_id, second.machine_id} == {worker.pk, other.pk}
        finish(run_step(task), code=3)
        say(task, Answer.EXCLUDE)
        assert states(task) == ["Waiting"]
        assert "no available worker" in task.executions.get().waiting_for

    def test_an_answer_counts_once(self, pool, worker):
        task = queue("false", pool=pool, options=GUIDED)
        admit()
        finish(run_step(task), code=3)
        asked = question(task)
        say(task, Answer.FAIL)

        with pytest.raises(interruptions.AlreadyAnswered) as caught:
            interruptions.answer(asked, answer=Answer.RETRY, notes="", user=UserFactory(), now=NOW)
        assert caught.value.interruption.answer == "Fail"
        assert fresh(task).state == TaskState.FAILED

    def test_what_is_no_choice_changes_nothing(self, pool, worker):
        task = queue("false", pool=pool, options=GUIDED)
        admit()
        finish(run_step(task), code=3)

        with pytest.raises(interruptions.NotAChoice):
            say(task, Answer.PROCEED)
        assert question(task).answer == ""

    def test_cancelling_a_run_closes_its_question(self, pool, worker):
        task = queue("false", pool=pool, options=GUIDED)
        admit()
        finish(run_step(task), code=3)
        tasks.cancel(task, user=UserFactory(), now=NOW)

        assert fresh(task).state == TaskState.CANCELED
        assert not Interruption.objects.filter(closed_at__isnull=True).exists()

    def test_a_manual_step_asks_with_its_instructions_and_needs_no_worker(self, pool):
        task = queue(
            "",
            pool=pool,
            action_type=MANUAL_ACTION,
            properties={MANUAL_INSTRUCTIONS: "Look at #{Octopus.Environment.Name}."},
        )
        admit()

        assert question(task).text == f"Look at {task.environment.name}."
        assert states(task) == ["Interrupted"]
        say(task, Answer.PROCEED)
        assert fresh(task).state == TaskState.SUCCESS

    def test_a_waiting_run_takes_no_room(self, pool, worker, settings):
        settings.TASK_CAP = 1
        waits = queue("false", pool=pool, options=GUIDED, concurrency_key="a")
        behind = queue("echo", pool=pool, concurrency_key="b")
        admit()
        assert fresh(behind).state == TaskState.QUEUED
        finish(run_step(waits), code=1)

        admit()

        assert fresh(behind).state == TaskState.EXECUTING


class TestUnknownOutcomes:
    def test_a_worker_that_forgot_its_step_makes_the_run_ask(self, pool, worker):
        task = queue("echo one", "echo two", pool=pool)
        admit()
        run_step(task)
        contact.reconcile(worker.pk, [], now=NOW)

        asked = question(task)
        assert (asked.kind, asked.choices) == ("Settle", ["Succeeded", "Failed", "Retry"])
        assert "no longer knows of this step" in asked.text
        assert states(task) == ["Interrupted", "Pending"]
        say(task, Answer.SUCCEEDED, notes="It is in the table.")
        assert states(task) == ["Success", "Running"]

    def test_running_it_again_is_a_new_attempt_with_a_new_epoch(self, pool, worker):
        task = queue("echo one", pool=pool)
        admit()
        first = run_step(task)
        contact.reconcile(worker.pk, [], now=NOW)
        say(task, Answer.RETRY)

        second = live_attempt(task)
        assert (first.epoch, second.epoch) == (1, 2)
        late = finish(first, code=0)
        assert isinstance(late, frames.Settled)
        assert states(task) == ["Running"]

    def test_a_step_that_may_run_twice_is_taken_from_a_lost_worker(self, pool, worker):
        other = MachineFactory(space=pool.space, pools=[pool], slots=1)
        task = queue("echo one", pool=pool, properties={UNKNOWN_OUTCOME: "Rerun"})
        admit()
        first = run_step(task)
        MachineFactory._meta.model.objects.filter(pk=first.machine_id).update(
            channel="", health="Unavailable"
        )

        contact.lose_contact(first.machine_id, now=NOW)

        second = live_attempt(task)
        assert {first.machine_id, second.machine_id} == {worker.pk, other.pk}
        held = frames.HeldAttempt(str(first.pk), first.epoch, "running", 0)
        [verdict], _ = contact.reconcile(first.machine_id, [held], now=NOW)
        assert verdict.verdict == "forget"

    def test_any_other_step_waits_for_its_worker(self, pool, worker):
        task = queue("echo one", pool=pool)
        admit()
        attempt = run_step(task)

        contact.lose_contact(worker.pk, now=NOW)

        assert fresh(attempt).state == AttemptState.LOST
        assert states(task) == ["Running"]


class TestOutputs:
    def test_later_steps_know_what_earlier_ones_have_set(self, pool, worker):
        task = queue("one", "echo #{Octopus.Action[Step 1].Output.Dump}", pool=pool)
        admit()
        finish(run_step(task), outputs=[frames.OutputValue("Dump", "/var/dump", False)])

        answer = accept(live_attempt(task))

        assert answer.script == "echo /var/dump"
        name = f"Octopus.Action[Step 1].Output[{worker.name}].Dump"
        assert answer.variables[name] == "/var/dump"

    def test_a_secret_output_is_sealed_and_masked(self, pool, worker):
        task = queue("one", "two", pool=pool)
        admit()
        finish(run_step(task), outputs=[frames.OutputValue("Token", "s3cret-token", True)])

        assert "s3cret-token" not in OutputVariable.objects.get().value
        answer = accept(live_attempt(task))
        assert "s3cret-token" in answer.secrets
        assert answer.variables["Octopus.Action[Step 1].Output.Token"] == "s3cret-token"

    def test_a_later_try_replaces_what_an_earlier_one_has_set(self, pool, worker):
        task = queue("one", pool=pool, properties={RETRIES: "1"})
        admit()
        finish(run_step(task), code=1, outputs=[frames.OutputValue("N", "1", False)])
        finish(run_step(task), outputs=[frames.OutputValue("N", "2", False)])

        assert [one.value for one in OutputVariable.objects.all()] == ["2"]


def test_a_step_costs_few_statements(pool, worker, django_assert_max_num_queries):
    task = queue("true", "true", "true", pool=pool)
    admit()
    finish(run_step(task))
    attempt = run_step(task)

    limit = 16 if connection.vendor == "sqlite" else 18
    with django_assert_max_num_queries(limit):
        finish(attempt)
    assert live_attempt(task).execution.number == 3
