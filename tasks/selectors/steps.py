"""The step tree of a task page: what each step did, where, for how long, and what stands in its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.statuses import status_of
from common.times import duration_words
from tasks.models import Attempt, AttemptState, Execution, ServerTask, StepState
from tasks.selectors.tasks import QueuePlace

ENDED = (StepState.SUCCESS, StepState.FAILED, StepState.SKIPPED, StepState.CANCELED, StepState.UNKNOWN)
#: Units of a timeline's width.
TIMELINE = 1000


@dataclass(frozen=True)
class StepRow:
    """`look` is a state of `common.statuses`; `start` and `width` are in units of TIMELINE."""

    number: int
    name: str
    look: str
    details: str
    reason: str
    started_at: datetime | None
    completed_at: datetime | None
    start: int
    width: int
    is_current: bool

    @property
    def kind(self) -> str:
        return str(status_of(self.look, family="run").kind)


@dataclass(frozen=True)
class Tree:
    """`axis` holds the words under the timeline: start, middle, end."""

    rows: Sequence[StepRow]
    axis: tuple[str, str, str] | None
    current: int
    total: int


@dataclass(frozen=True)
class Evidence:
    """What is known of a step whose worker is silent or whose outcome nobody knows."""

    number: int
    name: str
    worker: str
    is_lost: bool
    last_seen_at: datetime | None
    message: str


def executions_of(task: ServerTask) -> list[Execution]:
    return list(task.executions.select_related("machine").order_by("number"))


def open_attempts(task: ServerTask) -> dict[int, Attempt]:
    """Attempts out of contact, by execution id."""
    found = Attempt.objects.filter(execution__task=task, state=AttemptState.LOST)
    return {attempt.execution_id: attempt for attempt in found}


def tree(task: ServerTask, executions: Sequence[Execution], lost: dict[int, Attempt], now: datetime) -> Tree:
    begin = task.started_at or task.queued_at
    end = task.completed_at or now
    # A run of less than a second would be drawn by rounding errors alone.
    span = max(end - begin, timedelta(seconds=1))
    current = _current(executions)
    rows = [_row(one, lost, begin=begin, span=span, now=end, current=current) for one in executions]
    axis = _axis(span, is_over=task.completed_at is not None) if task.started_at else None
    return Tree(rows=rows, axis=axis, current=_position(executions), total=len(executions))


def _axis(span: timedelta, *, is_over: bool) -> tuple[str, str, str]:
    last = duration_words(span) if is_over else "now"
    return "0 s", duration_words(span / 2), last


def _current(executions: Sequence[Execution]) -> int | None:
    busy = (StepState.RUNNING, StepState.WAITING)
    return next((one.number for one in executions if one.state in busy), None)


def _position(executions: Sequence[Execution]) -> int:
    """The number of the step that the run is at, from 1; the last one of a run that is over."""
    done = sum(one.state in ENDED for one in executions)
    return min(done + 1, len(executions))


def _row(
    execution: Execution,
    lost: dict[int, Attempt],
    *,
    begin: datetime,
    span: timedelta,
    now: datetime,
    current: int | None,
) -> StepRow:
    start, width = _bar(execution, begin=begin, span=span, now=now)
    return StepRow(
        number=execution.number,
        name=execution.name,
        look=_look(execution, is_lost=execution.pk in lost),
        details=_details(execution),
        reason=execution.placement_reason if execution.number == current else "",
        started_at=execution.started_at,
        completed_at=execution.completed_at,
        start=start,
        width=width,
        is_current=execution.number == current,
    )


def _look(execution: Execution, *, is_lost: bool) -> str:
    if is_lost:
        return "LostContact"
    if execution.has_warnings and execution.state == StepState.SUCCESS:
        return "SuccessWithWarnings"
    return execution.state


def _details(execution: Execution) -> str:
    """Worker and pool, or why there is no worker."""
    if execution.state == StepState.WAITING:
        return execution.waiting_for or f"Waits for a worker of {execution.pool_name}"
    if execution.state == StepState.SKIPPED:
        return execution.message or "Skipped"
    return " · ".join(part for part in (execution.machine_name, execution.pool_name) if part)


def _bar(execution: Execution, *, begin: datetime, span: timedelta, now: datetime) -> tuple[int, int]:
    if execution.started_at is None:
        return 0, 0
    start = round((execution.started_at - begin) / span * TIMELINE)
    length = round(((execution.completed_at or now) - execution.started_at) / span * TIMELINE)
    start = min(max(start, 0), TIMELINE - 8)
    return start, min(max(length, 8), TIMELINE - start)


def evidence(executions: Sequence[Execution], lost: dict[int, Attempt]) -> list[Evidence]:
    """One for each step that is out of contact or whose outcome is unknown."""
    return [
        Evidence(
            number=one.number,
            name=one.name,
            worker=one.machine_name,
            is_lost=one.pk in lost,
            last_seen_at=one.machine.last_seen_at if one.machine else None,
            message=lost[one.pk].message if one.pk in lost else one.message,
        )
        for one in executions
        if one.pk in lost or one.state == StepState.UNKNOWN
    ]


def failure(executions: Sequence[Execution]) -> Execution | None:
    """The step that made the run fail."""
    return next((one for one in executions if one.state == StepState.FAILED), None)


@dataclass(frozen=True)
class Notice:
    """What stands where a log would be; `icon` is a name in the sprite."""

    icon: str
    title: str
    reason: str


def instead_of_log(
    task: ServerTask, executions: Sequence[Execution], place: QueuePlace | None
) -> Notice | None:
    """Why there is no log yet, or none at all; None once any step has started."""
    if place is not None:
        title = "Next in the queue" if place.position == 1 else f"Number {place.position} in the queue"
        return Notice("hourglass", title, place.reason)
    if any(one.started_at for one in executions):
        return None
    if task.is_completed:
        return Notice("ban", "Nothing was run", task.error_message)
    waiting = next((one for one in executions if one.state == StepState.WAITING), None)
    return Notice("clock", "Waiting for a worker", _details(waiting)) if waiting else None
