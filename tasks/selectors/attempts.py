"""The tries of a step, each by what became of itself: the step may have gone on since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tasks.models import LIVE, Attempt, AttemptState, ServerTask

_STOPPED = ("canceled", "abandoned")


@dataclass(frozen=True)
class Try:
    """`nth` counts the tries of its step from 1; `look` is a state of `common.statuses`; `words` say how
    it ended, empty while it goes on and after a success."""

    nth: int
    look: str
    worker: str
    words: str
    started_at: datetime | None
    finished_at: datetime | None


def look_of(attempt: Attempt) -> str:
    """How a try looks, by its own end."""
    if attempt.state == AttemptState.LOST:
        return "LostContact"
    if attempt.state in LIVE or attempt.state == AttemptState.SERVING:
        return "Running"
    if attempt.state in (AttemptState.UNKNOWN, AttemptState.WITHDRAWN):
        return str(attempt.state)
    return _end_of(attempt)


def _end_of(attempt: Attempt) -> str:
    if attempt.outcome == "done" or (attempt.outcome == "exited" and attempt.exit_code == 0):
        return "Success"
    if attempt.timed_out and attempt.outcome in ("", *_STOPPED):
        return "TimedOut"
    is_stopped = attempt.outcome in _STOPPED or (not attempt.outcome and attempt.cancel_requested)
    return "Canceled" if is_stopped else "Failed"


_WORDS = {
    "TimedOut": "time was up",
    "Canceled": "cancelled",
    "Unknown": "outcome unknown",
    "LostContact": "lost contact",
    "Withdrawn": "never started",
}


def words_of(attempt: Attempt) -> str:
    """The shortest account of an end that was not a success: "exit code 3"."""
    look = look_of(attempt)
    if look in _WORDS:
        return _WORDS[look]
    if look != "Failed":
        return ""
    return "failed" if not attempt.exit_code else f"exit code {attempt.exit_code}"


def tries_of(task: ServerTask) -> dict[int, list[Try]]:
    """By execution id, of those steps that were tried more than once. Assignments that were taken back
    before they started do not count."""
    found = Attempt.objects.filter(execution__task=task).exclude(state=AttemptState.WITHDRAWN)
    found = found.select_related("machine").order_by("execution", "epoch")
    by_step: dict[int, list[Attempt]] = {}
    for attempt in found.only(*_COLUMNS):
        by_step.setdefault(attempt.execution_id, []).append(attempt)
    return {id: _tries(attempts) for id, attempts in by_step.items() if len(attempts) > 1}


_COLUMNS = (
    "execution_id",
    "state",
    "outcome",
    "exit_code",
    "timed_out",
    "cancel_requested",
    "started_at",
    "finished_at",
    "machine__name",
)


def _tries(attempts: Iterable[Attempt]) -> list[Try]:
    return [
        Try(
            nth=nth,
            look=look_of(one),
            worker=one.machine.name if one.machine else "",
            words=words_of(one),
            started_at=one.started_at,
            finished_at=one.finished_at,
        )
        for nth, one in enumerate(attempts, start=1)
    ]
