"""What agents say about attempts, applied: each function is one short transaction, harmless when
repeated, and gives back what to answer. A machine is believed about its own attempts only."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from common import live
from domain import runs
from domain.runs import StepStatus
from protocol import frames
from protocol.log import Chunk, Level
from tasks.engine import delivery, placement, script
from tasks.engine.advance import apply, lock, note, withdraw
from tasks.models import LIVE, Attempt, AttemptState
from tasks.services import logs

_CONTEXT = ("execution__task", "machine")
#: What is read of an attempt's surroundings: not a run's plan, which is long, nor anything else.
_COLUMNS = (
    "epoch",
    "state",
    "assigned_at",
    "started_at",
    "cancel_requested",
    "log_lines",
    "execution__number",
    "execution__name",
    "execution__machine_name",
    "execution__task__space_id",
    "execution__task__queued_at",
    "machine__name",
    "machine__space_id",
    "machine__channel",
    "machine__last_seen_at",
)

#: Characters of what an agent says of an end.
MAX_MESSAGE = 2000

#: States in which the agent may start the script, or may have.
_STARTED = (AttemptState.ACCEPTED, AttemptState.RUNNING, AttemptState.LOST)


def accepted(machine_id: int, frame: frames.Accepted, *, now: datetime) -> frames.Frame:
    """Commits the acceptance. Answers with what to run, or to forget it."""
    rows = _rows(machine_id, frame.attempt_id, frame.epoch)
    rows.filter(state=AttemptState.ASSIGNED).update(state=AttemptState.ACCEPTED, accepted_at=now)
    attempt = _first(rows)
    if attempt is None or attempt.state not in _STARTED:
        return frames.Forget(frame.attempt_id, frame.epoch, "The server no longer wants this attempt.")
    try:
        return script.start_frame(attempt)
    except script.CannotStart as error:
        _end(attempt, StepStatus.FAILED, str(error), now=now)
        return frames.Forget(frame.attempt_id, frame.epoch, str(error))


def started(machine_id: int, frame: frames.Started, *, now: datetime) -> None:
    rows = _rows(machine_id, frame.attempt_id, frame.epoch)
    if rows.filter(state=AttemptState.ACCEPTED).update(state=AttemptState.RUNNING, started_at=now):
        for task_id, space_id in rows.values_list("execution__task", "execution__task__space"):
            _announce(task_id, space_id)


def append_log(machine_id: int, attempt_id: UUID, epoch: int, chunks: Sequence[Chunk]) -> frames.Frame:
    """Stores chunks; the answer says how far the log is stored."""
    if not _rows(machine_id, str(attempt_id), epoch).exists():
        return frames.Forget(str(attempt_id), epoch, "This attempt is not this worker's.")
    result = logs.append(attempt_id, epoch, chunks)
    return frames.LogAck(str(attempt_id), epoch, result.next_seq, result.resend)


@transaction.atomic
def finished(machine_id: int, frame: frames.Finished, *, now: datetime) -> frames.Frame:
    """Makes the end of an attempt final, once the whole log is here and is what the worker wrote."""
    attempt = _first(_rows(machine_id, frame.attempt_id, frame.epoch))
    if attempt is None:
        return frames.Forget(frame.attempt_id, frame.epoch, "The server does not know this attempt.")
    if attempt.state not in LIVE:
        return frames.Settled(frame.attempt_id, frame.epoch)
    settlement = logs.settle(attempt.pk, frame.lines, frame.bytes, frame.sha256)
    if isinstance(settlement, logs.Missing):
        return frames.LogAck(frame.attempt_id, frame.epoch, settlement.next_seq, resend=True)
    if isinstance(settlement, logs.Mismatch):
        _note_mismatch(attempt, now=now)
    status, message = _judge(frame)
    _end(
        attempt,
        status,
        message[:MAX_MESSAGE],
        now=now,
        outcome=frame.outcome[:20],
        exit_code=_exit_code(frame.exit_code),
    )
    return frames.Settled(frame.attempt_id, frame.epoch)


def _judge(frame: frames.Finished) -> tuple[StepStatus, str]:
    """What an agent's account of an end means for the step."""
    match frame.outcome:
        case "exited" if frame.exit_code == 0:
            return StepStatus.SUCCESS, ""
        case "exited":
            return StepStatus.FAILED, f"The script ended with exit code {frame.exit_code}."
        case "signalled":
            return StepStatus.FAILED, f"The script was killed by {_signal_name(frame.signal)}."
        case "canceled":
            return StepStatus.CANCELED, "Cancelled."
        case "abandoned":
            message = frame.message or "The script did not stop when asked; it may still be running."
            return StepStatus.CANCELED, message
        case "unknown":
            return StepStatus.UNKNOWN, frame.message
        case _:
            return StepStatus.FAILED, frame.message or "The worker could not start the script."


def _exit_code(number: int | None) -> int | None:
    """An agent may say anything; what no process can end with is not kept."""
    return number if number is not None and abs(number) < 2**31 else None


def _signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"


def _note_mismatch(attempt: Attempt, *, now: datetime) -> None:
    note(
        attempt.execution.task_id,
        "The stored log is not byte for byte what the worker wrote: its check sum differs.",
        number=attempt.execution.number,
        level=Level.ERROR,
        now=now,
    )


@transaction.atomic
def _end(
    attempt: Attempt,
    status: StepStatus,
    message: str,
    *,
    now: datetime,
    outcome: str = "",
    exit_code: int | None = None,
) -> None:
    """Ends an attempt and its step, and lets the freed slot be used. Once: a second call finds the
    attempt ended."""
    execution = attempt.execution
    locked = lock(execution.task_id)
    rows = Attempt.objects.filter(pk=attempt.pk, state__in=LIVE)
    final = AttemptState.UNKNOWN if status is StepStatus.UNKNOWN else AttemptState.FINISHED
    if not rows.update(state=final, finished_at=now, message=message, outcome=outcome, exit_code=exit_code):
        return
    placement.release(attempt)
    waiting = apply(locked, runs.StepEnded(execution.number, status, message), now=now)
    for pool_id in {*waiting, *placement.waited_for(attempt.machine_id)}:
        placement.place(pool_id, now=now)


# --- Coming, going, coming back -------------------------------------------------------------------


def reconcile(
    machine_id: int, held: Iterable[frames.HeldAttempt], *, now: datetime
) -> tuple[list[frames.Verdict], list[frames.Frame]]:
    """What to do with what an agent that connects still holds: verdicts for its welcome, and frames
    to send after it. What the server believed running there and the agent does not know has an
    unknown outcome: it is never started again by itself."""
    mine = {
        str(attempt.pk): attempt for attempt in _with_context().filter(machine=machine_id, state__in=LIVE)
    }
    known = {one.attempt_id: one for one in held}
    verdicts = [_verdict(one, mine.get(one.attempt_id), now=now) for one in known.values()]
    after: list[frames.Frame] = []
    for id, attempt in mine.items():
        if id in known and known[id].epoch == attempt.epoch:
            after += _resume(machine_id, attempt, known[id], now=now)
        elif attempt.state == AttemptState.ASSIGNED:
            after.append(delivery.assign_frame(attempt, attempt.execution))
        else:
            _end(attempt, StepStatus.UNKNOWN, _forgotten(attempt), now=now)
    return verdicts, after


def _verdict(held: frames.HeldAttempt, attempt: Attempt | None, *, now: datetime) -> frames.Verdict:
    if attempt is None or attempt.epoch != held.epoch:
        return frames.Verdict(held.attempt_id, "forget", 0)
    return frames.Verdict(held.attempt_id, "adopt", attempt.log_lines, attempt.cancel_requested)


def _resume(
    machine_id: int, attempt: Attempt, held: frames.HeldAttempt, *, now: datetime
) -> list[frames.Frame]:
    if attempt.state == AttemptState.LOST:
        _found_again(attempt, now=now)
    if held.state == "accepted":
        return [accepted(machine_id, frames.Accepted(held.attempt_id, held.epoch), now=now)]
    return []


def _found_again(attempt: Attempt, *, now: datetime) -> None:
    back = AttemptState.RUNNING if attempt.started_at else AttemptState.ACCEPTED
    if Attempt.objects.filter(pk=attempt.pk, state=AttemptState.LOST).update(state=back):
        execution = attempt.execution
        note(
            execution.task_id,
            f"Contact with {execution.machine_name} is back; the log goes on where it stopped.",
            number=execution.number,
            now=now,
        )
        _nudge(attempt)


def _forgotten(attempt: Attempt) -> str:
    return (
        f"{attempt.execution.machine_name} came back and no longer knows of this step. It may have run "
        f"in part or in whole; {attempt.log_lines:,} lines of its log had arrived."
    )


def lose_contact(machine_id: int, *, now: datetime) -> None:
    """The lease of an agent is over: its running attempts have lost contact, which is not failed."""
    running = (AttemptState.ACCEPTED, AttemptState.RUNNING)
    for attempt in _with_context().filter(machine=machine_id, state__in=running):
        if Attempt.objects.filter(pk=attempt.pk, state__in=running).update(state=AttemptState.LOST):
            execution = attempt.execution
            note(
                execution.task_id,
                f"Lost contact with {execution.machine_name}. The script may still be running; "
                "this goes on when the worker is back.",
                number=execution.number,
                level=Level.WARNING,
                now=now,
            )
            _nudge(attempt)


def in_need_of_attention(*, unanswered_since: datetime) -> QuerySet[Attempt]:
    """Assignments that nobody has accepted since then, and cancellations that have not ended yet."""
    unanswered = Q(state=AttemptState.ASSIGNED, assigned_at__lt=unanswered_since)
    return _with_context().filter(unanswered | Q(cancel_requested=True, state__in=LIVE))


def give_up(attempt: Attempt, *, now: datetime) -> None:
    """Ends a cancelled attempt whose worker is away, with what is known."""
    name = attempt.execution.machine_name
    message = f"Abandoned: {name} is out of contact. The script may still be running there."
    _end(attempt, StepStatus.CANCELED, message, now=now)


def take_back(attempt: Attempt, *, now: datetime) -> None:
    """Gives a step that its worker did not accept in time to another one: it provably never started."""
    execution = attempt.execution
    with transaction.atomic():
        locked = lock(execution.task_id)
        if not withdraw(attempt, reason="Not accepted in time.", now=now):
            return
        note(
            execution.task_id,
            f"{execution.machine_name} did not accept the step in time; it has not started and is "
            "given to another worker.",
            number=execution.number,
            level=Level.WARNING,
            now=now,
        )
        for pool_id in apply(locked, runs.Withdrawn(execution.number), now=now):
            placement.place(pool_id, now=now)


def _with_context(rows: QuerySet[Attempt] | None = None) -> QuerySet[Attempt]:
    rows = Attempt.objects.all() if rows is None else rows
    return rows.select_related(*_CONTEXT).only(*_COLUMNS)


def _first(rows: QuerySet[Attempt]) -> Attempt | None:
    return next(iter(_with_context(rows)), None)


def _rows(machine_id: int, attempt_id: str, epoch: int) -> QuerySet[Attempt]:
    try:
        key = UUID(attempt_id)
    except ValueError:
        return Attempt.objects.none()
    return Attempt.objects.filter(pk=key, epoch=epoch, machine=machine_id)


def _nudge(attempt: Attempt) -> None:
    _announce(attempt.execution.task_id, attempt.execution.task.space_id)


def _announce(task_id: int, space_id: int) -> None:
    live.nudge(space_id, f"task-{task_id}", f"log-{task_id}", "pools")
