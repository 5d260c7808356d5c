"""The step tree of a task page: what each step did, where, for how long, and what stands in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.statuses import status_of
from common.times import duration_words
from domain import runs
from domain.labels import counted
from domain.queue import Wait, WaitKind, Words
from domain.step_rules import StepRules
from tasks.models import Attempt, AttemptState, Execution, ServerTask, StepState
from tasks.selectors.attempts import Try
from tasks.selectors.queue import DEEP, StepWait, why_steps_wait

ENDED = tuple(StepState(status.value) for status in runs.ENDED)
_BUSY = (StepState.RUNNING, StepState.WAITING, StepState.RETRYING, StepState.INTERRUPTED)
#: Units of a timeline's width.
TIMELINE = 1000


@dataclass(frozen=True)
class StepRow:
    """`look` is a state of `common.statuses`; `start` and `width` are in units of TIMELINE. `history` are
    its tries where there was more than one; `label` is its number as people see it, and `parent` stands above
    the first child of a step; `retry_at` and `tries` ("try 2 of 3") tell of the next one."""

    number: int
    label: str
    name: str
    look: str
    details: str
    reason: str
    started_at: datetime | None
    completed_at: datetime | None
    start: int
    width: int
    is_current: bool
    retry_at: datetime | None = None
    tries: str = ""
    history: Sequence[Try] = ()
    answer: str = ""
    is_child: bool = False
    parent: str = ""

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
    return list(task.executions.select_related("machine", "reused_from").order_by("number"))


def explain_waits(executions: Sequence[Execution]) -> dict[int, StepWait]:
    """Why steps wait for a worker, by execution id; the rows say it too from then on."""
    waits = why_steps_wait(executions)
    for one in executions:
        if one.pk in waits:
            # Of this page alone: where it stands changes with every step that ends.
            one.waiting_for = waits[one.pk].sentence
    return waits


def open_attempts(task: ServerTask) -> dict[int, Attempt]:
    """Attempts out of contact, by execution id."""
    found = Attempt.objects.filter(execution__task=task, state=AttemptState.LOST)
    return {attempt.execution_id: attempt for attempt in found}


def tree(
    task: ServerTask,
    executions: Sequence[Execution],
    lost: dict[int, Attempt],
    tries: Mapping[int, Sequence[Try]],
    answers: Mapping[int, str],
    now: datetime,
) -> Tree:
    """`tries` and `answers`, what people last said to a step, by execution id."""
    begin = task.started_at or task.queued_at
    end = task.completed_at or now
    # A run of less than a second would be drawn by rounding errors alone.
    span = max(end - begin, timedelta(seconds=1))
    current = _current(executions)
    headings = _headings(executions)
    rows = [
        replace(
            _row(one, lost, begin=begin, span=span, now=end, current=current),
            history=tries.get(one.pk, ()),
            answer=answers.get(one.pk, ""),
            parent=headings.get(one.pk, ""),
        )
        for one in executions
    ]
    axis = _axis(span, is_over=task.completed_at is not None) if task.started_at else None
    return Tree(rows=rows, axis=axis, current=_position(executions), total=len(executions))


def _headings(executions: Sequence[Execution]) -> dict[int, str]:
    """What stands above the first child of each step, by execution id."""
    families: dict[int, list[Execution]] = {}
    for one in executions:
        if one.parent_name:
            families.setdefault(one.step_number, []).append(one)
    found = {}
    for number, family in families.items():
        targets = len({one.target_name for one in family if one.target_name})
        where = f" · {counted(targets, 'target')}" if targets else ""
        found[family[0].pk] = f"{number}. {family[0].parent_name}{where}"
    return found


def _axis(span: timedelta, *, is_over: bool) -> tuple[str, str, str]:
    last = duration_words(span) if is_over else "now"
    return "0 s", duration_words(span / 2), last


def _current(executions: Sequence[Execution]) -> int | None:
    return next((one.number for one in executions if one.state in _BUSY), None)


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
    is_current = execution.number == current
    return StepRow(
        number=execution.number,
        label=execution.label,
        is_child=bool(execution.parent_name),
        name=execution.title,
        look=_look(execution, is_lost=execution.pk in lost),
        details=_details(execution),
        reason=execution.placement_reason if is_current and execution.state == StepState.RUNNING else "",
        started_at=execution.started_at,
        completed_at=execution.completed_at,
        start=start,
        width=width,
        is_current=is_current,
        retry_at=execution.wake_at if execution.state == StepState.RETRYING else None,
        tries=_next_try(execution) if execution.state == StepState.RETRYING else "",
    )


def _next_try(execution: Execution) -> str:
    rules = StepRules.from_json(execution.rules)
    return f"try {execution.failures + 1} of {rules.retries + 1}"


def _look(execution: Execution, *, is_lost: bool) -> str:
    if is_lost:
        return "LostContact"
    if execution.has_warnings and execution.state == StepState.SUCCESS:
        return "SuccessWithWarnings"
    return execution.state


def _details(execution: Execution) -> str:
    """Worker and pool, or why there is no worker."""
    if execution.reused_from is not None:
        return f"Result of task {execution.reused_from.task_id}"
    if execution.state == StepState.INTERRUPTED:
        return "Waiting for an answer"
    if execution.state == StepState.PENDING and execution.rules.get("manual"):
        return "Waits for a person"
    if execution.rules.get("server") and execution.state not in (StepState.INTERRUPTED, StepState.SKIPPED):
        return "On the server"
    if execution.state == StepState.WAITING:
        whom = f"a worker of {execution.pool_name}" if execution.pool_id else execution.target_name
        return execution.waiting_for or f"Waits for {whom}"
    if execution.state == StepState.SKIPPED:
        return execution.message or "Skipped"
    worker = "" if execution.target_name and not execution.pool_id else execution.machine_name
    return " · ".join(part for part in (worker, execution.pool_name) if part)


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
            name=one.title,
            worker=one.machine_name,
            is_lost=one.pk in lost,
            last_seen_at=one.machine.last_seen_at if one.machine else None,
            message=lost[one.pk].message if one.pk in lost else one.message,
        )
        for one in executions
        if one.pk in lost or one.state == StepState.UNKNOWN
    ]


def failure(executions: Sequence[Execution]) -> Execution | None:
    """The step that made the run fail; one that was ignored did not."""
    return next((one for one in executions if one.state == StepState.FAILED), None)


@dataclass(frozen=True)
class Notice:
    """What stands where a log would be; `icon` is a name in the sprite."""

    icon: str
    title: str
    reason: str
    words: Words = ()


def instead_of_log(
    task: ServerTask,
    executions: Sequence[Execution],
    wait: Wait | None,
    step_waits: Mapping[int, StepWait],
) -> Notice | None:
    """Why there is no log yet, or none at all; None once any step has started. `wait` says why a task is
    queued, `step_waits` by execution id why steps wait for a worker."""
    if wait is not None:
        return _queued(wait)
    if any(one.started_at for one in executions):
        return None
    if any(one.state == StepState.INTERRUPTED for one in executions):
        return Notice("hand", "Waiting for an answer", "Nothing has been run yet.")
    if task.is_completed:
        return Notice("ban", "Nothing was run", task.error_message)
    waiting = next((step_waits[one.pk] for one in executions if one.pk in step_waits), None)
    return Notice("clock", "Waiting for a worker", "", waiting.words) if waiting else None


_TITLES = {
    WaitKind.SCHEDULED: ("calendar-clock", "Waiting for its time"),
    WaitKind.PAUSED: ("circle-pause", "Held back by a pause"),
}


def _queued(wait: Wait) -> Notice:
    place = f"Number {wait.position:,} in the queue" if wait.position > 1 else "Next in the queue"
    if wait.position > DEEP:
        place = f"More than {DEEP:,} tasks are before it"
    icon, title = _TITLES.get(wait.kind, ("hourglass", place))
    return Notice(icon, title, "", wait.words)
