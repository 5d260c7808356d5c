"""The engine against what agents say: in order, late, twice, wrong. No agent is needed: its frames are."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from django.utils import timezone

from protocol import ACCEPT_SECONDS, frames
from protocol.log import Level, Run, Stream, pack
from tasks.engine import attempts, contact, jobs
from tasks.models import Attempt, AttemptState, Execution, Interruption, ServerTask, TaskEvent, TaskState
from tasks.services import logs, tasks
from tests.factories import MachineFactory, UserFactory, WorkerPoolFactory
from tests.tasks.engine.builders import frozen_variables, live_attempt, queue
from workers.models import Machine

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space, name="SQL - Dev")


@pytest.fixture
def worker(pool) -> Machine:
    return MachineFactory(space=pool.space, pools=[pool], slots=1, last_seen_at=NOW)


def admit(*, now: datetime = NOW) -> None:
    jobs.sweep(now=now)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def accept(attempt: Attempt) -> frames.Frame:
    frame = frames.Accepted(str(attempt.pk), attempt.epoch)
    return attempts.accepted(attempt.machine_id, frame, now=NOW)


def start(attempt: Attempt) -> None:
    frame = frames.Started(str(attempt.pk), attempt.epoch, 123, NOW.timestamp())
    attempts.started(attempt.machine_id, frame, now=NOW)


def finish(
    attempt: Attempt, *, outcome="exited", code: int | None = 0, log: bytes = b"", **given
) -> frames.Frame:
    frame = frames.Finished(
        attempt_id=str(attempt.pk),
        epoch=given.get("epoch", attempt.epoch),
        outcome=outcome,
        exit_code=code,
        signal=given.get("signal"),
        message=given.get("message", ""),
        lines=log.count(b"\n"),
        bytes=len(log),
        sha256=sha256(log).hexdigest(),
        started=NOW.timestamp(),
        ended=NOW.timestamp(),
        outputs=given.get("outputs", []),
    )
    return attempts.finished(given.get("machine", attempt.machine_id), frame, now=NOW)


def write(attempt: Attempt, text: bytes, first: int = 0) -> frames.Frame:
    chunk = pack(first, [Run(0, Stream.STDOUT, Level.INFO, text)])
    return attempts.append_log(attempt.machine_id, attempt.pk, attempt.epoch, [chunk])


def run_step(task: ServerTask) -> Attempt:
    attempt = live_attempt(task)
    accept(attempt)
    start(attempt)
    return attempt


def test_a_run_goes_through_its_steps_and_succeeds(pool, worker):
    task = queue("echo one", "echo two", pool=pool)
    admit()
    first = run_step(task)
    assert isinstance(finish(first), frames.Settled)
    second = run_step(task)
    assert second.execution.number == 2
    finish(second)
    task = fresh(task)
    assert task.state == TaskState.SUCCESS
    assert [e.state for e in task.executions.all()] == ["Success", "Success"]
    assert fresh(worker).busy_slots == 0


def test_the_start_frame_carries_the_script_and_goes_out_only_after_the_acceptance(pool, worker):
    task = queue("echo #{Octopus.Environment.Name}", pool=pool)
    admit()
    attempt = live_attempt(task)
    assert attempt.state == AttemptState.ASSIGNED
    answer = accept(attempt)
    assert isinstance(answer, frames.Start)
    assert answer.script == f"echo {task.environment.name}"
    assert fresh(attempt).state == AttemptState.ACCEPTED


def test_everything_may_be_said_twice(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = live_attempt(task)
    assert accept(attempt) == accept(attempt)
    start(attempt)
    start(attempt)
    log = b"hello\n"
    write(attempt, log)
    again = write(attempt, log)
    assert again == frames.LogAck(str(attempt.pk), 1, 1)
    finish(attempt, log=log)
    assert isinstance(finish(attempt, log=log), frames.Settled)
    assert fresh(attempt).log_lines == 1
    assert fresh(worker).busy_slots == 0


def test_a_finish_waits_for_the_whole_log(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = run_step(task)
    write(attempt, b"one\n")
    answer = finish(attempt, log=b"one\ntwo\n")
    assert answer == frames.LogAck(str(attempt.pk), 1, 1, resend=True)
    assert fresh(task).state == TaskState.EXECUTING
    write(attempt, b"two\n", first=1)
    assert isinstance(finish(attempt, log=b"one\ntwo\n"), frames.Settled)
    assert fresh(task).state == TaskState.SUCCESS
    assert fresh(attempt).log_sha256 == sha256(b"one\ntwo\n").hexdigest()


@pytest.mark.parametrize(
    ("said", "state", "message"),
    [
        ({"code": 3}, "Failed", "The script ended with exit code 3."),
        ({"outcome": "signalled", "code": None, "signal": 9}, "Failed", "The script was killed by SIGKILL."),
        (
            {"outcome": "not_started", "code": None, "message": "There is no bash."},
            "Failed",
            "There is no bash.",
        ),
    ],
)
def test_what_went_wrong_is_said(pool, worker, said, state, message):
    task = queue("false", "echo two", pool=pool)
    admit()
    finish(run_step(task), **said)
    task = fresh(task)
    assert task.state == TaskState.FAILED
    assert task.error_message == message
    assert [e.state for e in task.executions.all()] == [state, "Skipped"]


def test_a_worker_is_believed_about_its_own_attempts_only(pool, worker):
    stranger = MachineFactory(space=pool.space)
    task = queue("echo one", pool=pool)
    admit()
    attempt = live_attempt(task)
    frame = frames.Accepted(str(attempt.pk), attempt.epoch)
    assert isinstance(attempts.accepted(stranger.pk, frame, now=NOW), frames.Forget)
    assert isinstance(finish(attempt, machine=stranger.pk), frames.Forget)
    chunk = pack(0, [Run(0, Stream.STDOUT, Level.INFO, b"forged\n")])
    answer = attempts.append_log(stranger.pk, attempt.pk, attempt.epoch, [chunk])
    assert isinstance(answer, frames.Forget)
    assert fresh(attempt).state == AttemptState.ASSIGNED
    assert fresh(attempt).log_lines == 0


def test_an_attempt_of_the_past_is_told_to_forget(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = live_attempt(task)
    assert isinstance(finish(attempt, epoch=attempt.epoch + 1), frames.Forget)
    assert fresh(task).state == TaskState.EXECUTING


def test_an_assignment_that_is_not_accepted_in_time_moves_on_and_the_late_acceptance_is_refused(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    first = live_attempt(task)
    late = NOW + timedelta(seconds=ACCEPT_SECONDS + 1)
    Machine.objects.update(last_seen_at=late)
    admit(now=late)
    second = live_attempt(task)
    assert (second.epoch, second.state) == (2, AttemptState.ASSIGNED)
    assert fresh(first).state == AttemptState.WITHDRAWN
    assert isinstance(accept(first), frames.Forget)
    assert fresh(worker).busy_slots == 1


def test_two_runs_share_one_slot_in_their_order(pool, worker):
    first = queue("echo one", pool=pool, concurrency_key="a")
    second = queue("echo one", pool=pool, concurrency_key="b")
    admit()
    waiting = Execution.objects.get(task=second)
    assert waiting.waiting_for == "SQL - Dev is full: 1 of 1 slot busy."
    assert live_attempt(second) is None
    finish(run_step(first))
    assert live_attempt(second).machine == worker


def test_a_step_remembers_why_it_had_to_wait(pool, worker):
    first = queue("echo one", pool=pool, concurrency_key="a")
    second = queue("echo one", pool=pool, concurrency_key="b")
    admit()

    finish(run_step(first))

    [wait] = TaskEvent.objects.filter(level=Level.WAIT)
    assert (wait.task, wait.number) == (second, 1)
    assert re.fullmatch(r"Waited .+ s: SQL - Dev is full: 1 of 1 slot busy\.", wait.message)


def test_runs_with_the_same_key_go_one_after_the_other(pool):
    MachineFactory(space=pool.space, pools=[pool], slots=5)
    first, second = queue("true", pool=pool), queue("true", pool=pool)
    admit()
    assert [fresh(t).state for t in (first, second)] == [TaskState.EXECUTING, TaskState.QUEUED]
    finish(run_step(first))
    admit()
    assert fresh(second).state == TaskState.EXECUTING


def test_a_worker_without_the_shell_is_not_chosen(pool, worker):
    Machine.objects.update(capabilities={"shells": {"python": "3.11"}})
    task = queue("echo one", pool=pool)
    admit()
    assert task.executions.get().waiting_for == "No available worker of SQL - Dev has bash."


def test_cancelling_before_the_acceptance_ends_the_run_and_nothing_starts(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = live_attempt(task)
    tasks.cancel(task, user=UserFactory(), now=NOW)
    assert fresh(task).state == TaskState.CANCELED
    assert isinstance(accept(attempt), frames.Forget)
    assert fresh(worker).busy_slots == 0


def test_cancelling_a_running_step_waits_for_its_end(pool, worker):
    task = queue("sleep 60", "echo two", pool=pool)
    admit()
    attempt = run_step(task)
    tasks.cancel(task, user=UserFactory(), now=NOW)
    assert fresh(task).state == TaskState.CANCELLING
    assert fresh(attempt).cancel_requested
    finish(attempt, outcome="canceled", code=None)
    assert fresh(task).state == TaskState.CANCELED


def test_cancelling_a_waiting_run_and_one_in_the_queue(pool):
    task, queued = queue("true", pool=_with_full_worker(pool)), queue("true", pool=pool)
    admit()
    for row in (task, queued):
        tasks.cancel(row, user=UserFactory(), now=NOW)
        assert fresh(row).state == TaskState.CANCELED


def _with_full_worker(pool):
    MachineFactory(space=pool.space, pools=[pool], slots=1, busy_slots=1)
    return pool


def test_a_silent_worker_is_lost_contact_and_goes_on_when_it_is_back(pool, worker):
    task = queue("sleep 1", pool=pool)
    admit()
    attempt = run_step(task)
    admit(now=NOW + timedelta(minutes=5))
    assert fresh(attempt).state == AttemptState.LOST
    assert fresh(task).state == TaskState.EXECUTING
    held = frames.HeldAttempt(str(attempt.pk), 1, "running", 0)
    verdicts, after = contact.reconcile(worker.pk, [held], now=NOW)
    assert verdicts == [frames.Verdict(str(attempt.pk), "adopt", 0)]
    assert after == []
    assert fresh(attempt).state == AttemptState.RUNNING
    assert TaskEvent.objects.filter(task=task, message__startswith="Contact with").exists()
    finish(attempt)
    assert fresh(task).state == TaskState.SUCCESS


def test_an_agent_that_does_not_know_the_outcome_is_believed(pool, worker):
    task = queue("false", "echo two", pool=pool)
    admit()
    attempt = run_step(task)
    finish(attempt, outcome="unknown", code=None, message="The shim is gone.")
    assert fresh(attempt).state == AttemptState.UNKNOWN
    assert [e.state for e in task.executions.all()] == ["Interrupted", "Pending"]
    assert Interruption.objects.get(task=task).text == "The shim is gone."


def test_a_worker_that_lost_its_memory_makes_the_outcome_unknown_and_nothing_runs_again(pool, worker):
    task = queue("echo one", "echo two", pool=pool)
    admit()
    run_step(task)
    verdicts, after = contact.reconcile(worker.pk, [], now=NOW)
    assert (verdicts, after) == ([], [])
    assert [e.state for e in task.executions.all()] == ["Interrupted", "Pending"]
    assert "no longer knows of this step" in Interruption.objects.get(task=task).text


def test_an_agent_that_missed_its_assignment_gets_it_when_it_connects(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = live_attempt(task)
    _, after = contact.reconcile(worker.pk, [], now=NOW)
    assert after == [frames.Assign(str(attempt.pk), 1, task.pk, "Step 1")]


def test_an_agent_that_missed_the_start_gets_it_when_it_connects(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = live_attempt(task)
    held = frames.HeldAttempt(str(attempt.pk), 1, "accepted", 0)
    _, after = contact.reconcile(worker.pk, [held], now=NOW)
    assert [type(frame) for frame in after] == [frames.Start]


def test_an_agent_is_told_to_forget_what_nobody_wants(worker):
    held = frames.HeldAttempt("not-even-a-uuid", 1, "running", 0)
    verdicts, _ = contact.reconcile(worker.pk, [held], now=NOW)
    assert verdicts == [frames.Verdict("not-even-a-uuid", "forget", 0)]


def test_a_cancelled_attempt_on_a_worker_that_never_comes_back_is_given_up(pool, worker):
    task = queue("sleep 60", pool=pool)
    admit()
    run_step(task)
    tasks.cancel(task, user=UserFactory(), now=NOW)
    admit(now=NOW + timedelta(minutes=1, seconds=30))
    assert fresh(task).state == TaskState.CANCELLING
    admit(now=NOW + timedelta(minutes=5))
    task = fresh(task)
    assert task.state == TaskState.CANCELED
    assert "may still be running" in task.executions.get().message


def test_a_log_that_differs_from_what_the_worker_wrote_is_said(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = run_step(task)
    write(attempt, b"one\n")
    finish(attempt, log=b"two\n")
    assert fresh(attempt).log_sha256 == ""
    assert TaskEvent.objects.filter(task=task, message__contains="check sum differs").exists()


def test_lines_after_the_end_are_refused(pool, worker):
    task = queue("echo one", pool=pool)
    admit()
    attempt = run_step(task)
    finish(attempt)
    with pytest.raises(logs.LogRefused):
        write(attempt, b"late\n")


def test_slots_are_counted_anew_when_an_engine_starts(pool, worker):
    queue("echo one", pool=pool)
    admit()
    Machine.objects.update(busy_slots=7)
    jobs.recover()
    assert fresh(worker).busy_slots == 1


def test_a_worker_whose_connection_has_just_broken_is_not_given_work(pool, worker):
    Machine.objects.update(channel="")
    task = queue("echo one", pool=pool)
    admit()
    assert "no available worker" in task.executions.get().waiting_for
    Machine.objects.update(channel="specific.test!back")
    admit()
    assert live_attempt(task).machine == worker


def test_whatever_an_agent_says_of_an_end_fits_the_row(pool, worker):
    task = queue("true", pool=pool)
    admit()
    finish(run_step(task), outcome="x" * 500, code=10**30, message="y" * 100_000, signal=-7)
    task = fresh(task)
    assert task.state == TaskState.FAILED
    assert len(task.error_message) == attempts.MAX_MESSAGE


def test_a_secret_that_refers_to_another_value_is_masked_as_it_reaches_the_script(pool, worker):
    rows = [
        ("Database.User", "String", "orders"),
        ("Database.Url", "Sensitive", "db://#{Database.User}:hush"),
    ]
    task = queue("echo #{Database.Url}", pool=pool, variables=frozen_variables(rows))
    admit()
    start_frame = accept(live_attempt(task))
    assert start_frame.script == "echo db://orders:hush"
    assert start_frame.secrets == ["db://#{Database.User}:hush", "db://orders:hush"]
