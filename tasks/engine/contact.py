"""Agents come, go, and come back: what that means for the attempts that they have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from domain import runs
from domain.runs import StepStatus
from domain.step_rules import Settle, StepRules
from protocol import frames
from protocol.log import Level
from tasks.engine import delivery, placement
from tasks.engine.advance import apply, lock
from tasks.engine.attempts import accepted, announce, end
from tasks.engine.held import HeldAttempt, those_of, unanswered
from tasks.engine.notes import note
from tasks.engine.stopping import withdraw
from tasks.models import LIVE, Attempt, AttemptState, Execution


def reconcile(
    machine_id: int, held: Iterable[frames.HeldAttempt], *, now: datetime
) -> tuple[list[frames.Verdict], list[frames.Frame]]:
    """What to do with what an agent that connects still holds: verdicts for its welcome, and frames
    to send after it. What the server believed running there and the agent does not know has an
    unknown outcome: it is never started again by itself."""
    live = those_of(Attempt.objects.filter(machine=machine_id, state__in=LIVE))
    mine = {str(attempt.id): attempt for attempt in live}
    known = {one.attempt_id: one for one in held}
    verdicts = [_verdict(one, mine.get(one.attempt_id)) for one in known.values()]
    after: list[frames.Frame] = []
    for id, attempt in mine.items():
        if id in known and known[id].epoch == attempt.epoch:
            after += _resume(machine_id, attempt, known[id], now=now)
        elif attempt.state == AttemptState.ASSIGNED:
            after.append(delivery.assign_frame(attempt))
        else:
            end(attempt, StepStatus.UNKNOWN, _forgotten(attempt), now=now)
    return verdicts, after


def _verdict(held: frames.HeldAttempt, attempt: HeldAttempt | None) -> frames.Verdict:
    if attempt is None or attempt.epoch != held.epoch:
        return frames.Verdict(held.attempt_id, "forget", 0)
    return frames.Verdict(held.attempt_id, "adopt", attempt.log_lines, attempt.cancel_requested)


def _resume(
    machine_id: int, attempt: HeldAttempt, held: frames.HeldAttempt, *, now: datetime
) -> list[frames.Frame]:
    if attempt.state == AttemptState.LOST:
        _found_again(attempt, now=now)
    if held.state == "accepted":
        return [accepted(machine_id, frames.Accepted(held.attempt_id, held.epoch), now=now)]
    return []


def _found_again(attempt: HeldAttempt, *, now: datetime) -> None:
    back = AttemptState.RUNNING if attempt.started_at else AttemptState.ACCEPTED
    if Attempt.objects.filter(pk=attempt.id, state=AttemptState.LOST).update(state=back):
        message = f"Contact with {attempt.worker} is back; the log goes on where it stopped."
        note(attempt.task_id, message, number=attempt.number, now=now)
        announce(attempt)


def _forgotten(attempt: HeldAttempt) -> str:
    return (
        f"{attempt.worker} came back and no longer knows of this step. It may have run in part or in "
        f"whole; {attempt.log_lines:,} lines of its log had arrived."
    )


def lose_contact(machine_id: int, *, now: datetime) -> None:
    """The lease of an agent is over: its running attempts have lost contact, which is not failed. A step
    that declares that it may run twice goes to another worker."""
    running = (AttemptState.ACCEPTED, AttemptState.RUNNING)
    for attempt in those_of(Attempt.objects.filter(machine=machine_id, state__in=running)):
        if Attempt.objects.filter(pk=attempt.id, state__in=running).update(state=AttemptState.LOST):
            _lost(attempt, now=now)


def _lost(attempt: HeldAttempt, *, now: datetime) -> None:
    rules = Execution.objects.values_list("rules", flat=True).get(pk=attempt.execution_id)
    again = StepRules.from_json(rules).settle is Settle.RERUN and not attempt.cancel_requested
    goes_on = (
        "the step may run twice, so another worker takes it"
        if again
        else "this goes on when the worker is back"
    )
    message = f"Lost contact with {attempt.worker}. The script may still be running; {goes_on}."
    note(attempt.task_id, message, number=attempt.number, level=Level.WARNING, now=now)
    if again:
        end(attempt._replace(state=AttemptState.LOST), StepStatus.UNKNOWN, message, now=now)
    announce(attempt)


def in_need_of_attention(*, unanswered_since: datetime) -> Iterable[HeldAttempt]:
    """Assignments that nobody has accepted since then, and cancellations that have not ended yet."""
    return unanswered(since=unanswered_since)


def give_up(attempt: HeldAttempt, *, now: datetime) -> None:
    """Ends a cancelled attempt whose worker is away, with what is known."""
    message = f"Abandoned: {attempt.worker} is out of contact. The script may still be running there."
    end(attempt, StepStatus.FAILED if attempt.timed_out else StepStatus.CANCELED, message, now=now)


def take_back(attempt: HeldAttempt, *, now: datetime) -> None:
    """Gives a step that its worker did not accept in time to another one: it provably never started."""
    with transaction.atomic():
        locked = lock(attempt.task_id)
        if not withdraw(attempt, reason="Not accepted in time.", now=now):
            return
        message = (
            f"{attempt.worker} did not accept the step in time; it has not started and is given to "
            "another worker."
        )
        note(attempt.task_id, message, number=attempt.number, level=Level.WARNING, now=now)
        placement.place_in(apply(locked, runs.Withdrawn(attempt.number), now=now), now=now)
