"""What agents say about attempts, applied: each function is one short transaction, harmless when
repeated, and gives back what to answer. A machine is believed about its own attempts only."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from common import live
from common.prepared import Param, Update
from domain import runs
from domain.runs import StepStatus
from protocol import frames
from protocol.log import Chunk, Level
from tasks.engine import held, placement, script
from tasks.engine.advance import apply, lock
from tasks.engine.held import HeldAttempt
from tasks.engine.notes import note
from tasks.models import LIVE, Attempt, AttemptState
from tasks.services import artifacts, logs, outputs
from workers.models import Machine

_SENT_AGAIN = (
    "The stored log is not byte for byte what the worker wrote: its check sum differs. "
    "The worker sends all of it again."
)
_DIFFERS = (
    "The log is not byte for byte what the worker wrote, although it was sent again: its check sum differs."
)
_SHORTER = "The worker has lost the end of its copy of the log; what had arrived here is kept."

#: Characters of what an agent says of an end.
MAX_MESSAGE = 2000


def _of_worker(field: str) -> Coalesce | Subquery:
    rows = Machine.objects.filter(pk=OuterRef("machine_id")).values(field)[:1]
    return Coalesce(Subquery(rows), Value("")) if field == "agent_version" else Subquery(rows)


_accept = Update(
    lambda: Attempt.objects.filter(pk=Param("id"), state=AttemptState.ASSIGNED),
    state=AttemptState.ACCEPTED.value,
    accepted_at=Param("now"),
    # What it had at that moment: it may have been updated by the time that somebody asks.
    agent_version=_of_worker("agent_version"),
    worker_has=_of_worker("capabilities"),
)
_start = Update(
    lambda: Attempt.objects.filter(pk=Param("id"), state=AttemptState.ACCEPTED),
    state=AttemptState.RUNNING.value,
    started_at=Param("now"),
)
_finish = Update(
    lambda: Attempt.objects.filter(pk=Param("id"), state__in=LIVE),
    state=Param("state"),
    finished_at=Param("now"),
    message=Param("message"),
    outcome=Param("outcome"),
    exit_code=Param("exit_code"),
    log_sha256=Param("sha256"),
)


@transaction.atomic
def accepted(machine_id: int, frame: frames.Accepted, *, now: datetime) -> frames.Frame:
    """Commits the acceptance. Answers with what to run, or to forget it."""
    attempt = held.of_machine(machine_id, frame.attempt_id, frame.epoch)
    if attempt and attempt.state == AttemptState.ASSIGNED and _accept(id=attempt.id, now=now):
        attempt = attempt._replace(state=AttemptState.ACCEPTED)
    if attempt is None or not held.is_running(attempt):
        return frames.Forget(frame.attempt_id, frame.epoch, "The server no longer wants this attempt.")
    try:
        return script.start_frame(attempt)
    except script.CannotStart as error:
        end(attempt, StepStatus.FAILED, str(error), now=now)
        return frames.Forget(frame.attempt_id, frame.epoch, str(error))


def started(machine_id: int, frame: frames.Started, *, now: datetime) -> None:
    attempt = held.of_machine(machine_id, frame.attempt_id, frame.epoch)
    if attempt and attempt.state == AttemptState.ACCEPTED and _start(id=attempt.id, now=now):
        announce(attempt)


def append_log(machine_id: int, attempt_id: UUID, epoch: int, chunks: Sequence[Chunk]) -> frames.Frame:
    """Stores chunks; the answer says how far the log is stored."""
    try:
        result = logs.append(attempt_id, epoch, chunks, machine_id=machine_id)
    except logs.LogRefused as refusal:
        if refusal.code not in (logs.UNKNOWN_ATTEMPT, logs.WRONG_EPOCH):
            raise
        return frames.Forget(str(attempt_id), epoch, str(refusal))
    return frames.LogAck(str(attempt_id), epoch, result.next_seq, result.resend)


@transaction.atomic
def finished(machine_id: int, frame: frames.Finished, *, now: datetime) -> frames.Frame:
    """Makes the end of an attempt final, once the whole log is here and is what the worker wrote."""
    attempt = held.of_machine(machine_id, frame.attempt_id, frame.epoch)
    if attempt is None:
        return frames.Forget(frame.attempt_id, frame.epoch, "The server does not know this attempt.")
    if not attempt.is_live:
        return frames.Settled(frame.attempt_id, frame.epoch)
    settlement = logs.settle(attempt.id, frame.lines, frame.bytes, frame.sha256, stored=attempt.log_lines)
    if isinstance(settlement, logs.Missing):
        return frames.LogAck(frame.attempt_id, frame.epoch, settlement.next_seq, resend=True)
    if isinstance(settlement, logs.Mismatch):
        if settlement.lines == frame.lines and logs.start_over(attempt.id):
            _note_log(attempt, _SENT_AGAIN, now=now)
            return frames.LogAck(frame.attempt_id, frame.epoch, 0, resend=True)
        _note_log(attempt, _DIFFERS if settlement.lines == frame.lines else _SHORTER, now=now)
    if wanted := artifacts.next_wanted(attempt, frame.artifacts, now=now):
        return wanted
    status, message = _judge(frame, attempt)
    end(
        attempt,
        status,
        _storable(message, MAX_MESSAGE),
        now=now,
        outcome=_storable(frame.outcome, 20),
        exit_code=_exit_code(frame.exit_code),
        sha256=frame.sha256 if isinstance(settlement, logs.Complete) else "",
        reported=frame.outputs,
    )
    return frames.Settled(frame.attempt_id, frame.epoch)


def _judge(frame: frames.Finished, attempt: HeldAttempt) -> tuple[StepStatus, str]:
    """What an agent's account of an end means for the step."""
    match frame.outcome:
        case "exited" if frame.exit_code == 0:
            return StepStatus.SUCCESS, ""
        case "exited":
            return StepStatus.FAILED, f"The script ended with exit code {frame.exit_code}."
        case "signalled":
            return StepStatus.FAILED, f"The script was killed by {_signal_name(frame.signal)}."
        case "canceled" | "abandoned" if attempt.timed_out:
            return StepStatus.FAILED, f"It was stopped because its time was up. {frame.message}".strip()
        case "canceled":
            return StepStatus.CANCELED, "Cancelled."
        case "abandoned":
            message = frame.message or "The script did not stop when asked; it may still be running."
            return StepStatus.CANCELED, message
        case "unknown":
            return StepStatus.UNKNOWN, frame.message
        case _:
            return StepStatus.FAILED, frame.message or "The worker could not start the script."


def _storable(text: str, length: int) -> str:
    """Without what a database refuses: what an agent says of an end must not keep it from ending."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:length]


def _exit_code(number: int | None) -> int | None:
    """An agent may say anything; what no process can end with is not kept."""
    return number if number is not None and abs(number) < 2**31 else None


def _signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"


def _note_log(attempt: HeldAttempt, text: str, *, now: datetime) -> None:
    note(
        attempt.task_id,
        text,
        number=attempt.number,
        level=Level.ERROR,
        now=now,
    )


def end(
    attempt: HeldAttempt,
    status: StepStatus,
    message: str,
    *,
    now: datetime,
    outcome: str = "",
    exit_code: int | None = None,
    sha256: str = "",
    reported: Sequence[frames.OutputValue] = (),
) -> None:
    """Ends an attempt and its step, and lets the freed slot be used. Once: a second call finds the
    attempt ended."""
    with transaction.atomic(savepoint=False):
        locked = lock(attempt.task_id)
        final = AttemptState.UNKNOWN if status is StepStatus.UNKNOWN else AttemptState.FINISHED
        about = {"message": message, "outcome": outcome, "exit_code": exit_code, "sha256": sha256}
        if not _finish(id=attempt.id, state=final.value, now=now, **about):
            return
        outputs.store(attempt, reported)
        placement.release(attempt)
        ended = runs.StepEnded(attempt.number, status, message, exit_code)
        waiting = apply(locked, ended, now=now)
        placement.place_in([*waiting, *placement.waited_for(attempt.machine_id)], now=now)


def announce(attempt: HeldAttempt) -> None:
    live.nudge(attempt.space_id, f"task-{attempt.task_id}", f"log-{attempt.task_id}", "pools")
