"""What a log view gets: the groups of a task's log (one for each attempt that wrote anything or
still may), with what is new since the line that the view has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from common.statuses import status_of
from tasks.models import LIVE, Attempt, AttemptState, ServerTask, StepState
from tasks.selectors import logs

#: Lines of one group in one frame. A view that is further behind fetches what it shows by range.
TAIL = 1000

Frame = dict[str, Any]


@dataclass
class Position:
    """What one view has: the next line and the last head of each group, by attempt id."""

    after: dict[str, int] = field(default_factory=dict)
    heads: dict[str, Frame] = field(default_factory=dict)
    state: str = ""

    def advance(self, frame: Frame) -> None:
        self.state = frame["state"]
        for group in frame["groups"]:
            self.after[group["attempt"]] = group["head"]["total"]
            self.heads[group["attempt"]] = group["head"]


@dataclass(frozen=True)
class _Try:
    """`nth` counts the attempts of a step that have a group, from 1."""

    attempt: Attempt
    nth: int


def first_frame(task: ServerTask) -> Frame:
    """For a page: every group, with together TAIL lines, first of all of the one to look at."""
    tries = _tries(task)
    tails = _shares([one.attempt for one in tries])
    return _frame(task, [_group(one, {}, tail=tails[one.attempt.pk]) for one in tries])


def next_frame(task: ServerTask, position: Position) -> Frame | None:
    """For a socket: the groups that changed since `position`; None if nothing did."""
    groups = [
        _group(one, position.after, tail=TAIL if _wants_lines(one.attempt, position) else 0)
        for one in _tries(task)
        if position.heads.get(str(one.attempt.pk)) != _head(one)
    ]
    return _frame(task, groups) if groups or task.state != position.state else None


def as_text(frame: Frame) -> str:
    """The lines in a frame without colours, for a page without script."""
    return "\n".join(line for group in frame["groups"] if group["lines"] for line in _group_text(group))


def _group_text(group: Frame) -> Iterator[str]:
    head = group["head"]
    yield f"── {head['number']}. {head['name']} · {head['worker']}"
    for seq, line in enumerate(group["lines"], group["first"]):
        yield f"{seq + 1:>6}  {logs.plain(line[3])}"


def _tries(task: ServerTask) -> list[_Try]:
    rows = Attempt.objects.filter(execution__task=task).select_related("execution")
    found = rows.exclude(state=AttemptState.WITHDRAWN, log_lines=0).order_by("execution__number", "epoch")
    counts: Counter[int] = Counter()
    tries = []
    for attempt in found:
        counts[attempt.execution_id] += 1
        tries.append(_Try(attempt, counts[attempt.execution_id]))
    return tries


def _wants_lines(attempt: Attempt, position: Position) -> bool:
    return attempt.state in LIVE or str(attempt.pk) in position.after


def _shares(attempts: list[Attempt]) -> dict[UUID, int]:
    focus, left = _focus(attempts), TAIL
    shares: dict[UUID, int] = {}
    for attempt in sorted(reversed(attempts), key=lambda one: one is not focus):
        shares[attempt.pk] = min(left, attempt.log_lines)
        left -= shares[attempt.pk]
    return shares


def _focus(attempts: list[Attempt]) -> Attempt | None:
    wrote = [one for one in attempts if one.log_lines] or attempts
    failed = [one for one in wrote if one.execution.state in (StepState.FAILED, StepState.UNKNOWN)]
    return next(reversed(failed or wrote), None)


def _frame(task: ServerTask, groups: list[Frame]) -> Frame:
    return {"task": task.pk, "state": task.state, "done": task.is_completed, "groups": groups}


def _group(one: _Try, after: Mapping[str, int], *, tail: int) -> Frame:
    attempt = one.attempt
    known = min(after.get(str(attempt.pk), 0), attempt.log_lines)
    first = max(known, attempt.log_lines - tail)
    count = attempt.log_lines - first
    # In pieces: the view puts them together, as they come in one frame after the other.
    lines = logs.lines(attempt.pk, first, count, joined=False) if count else []
    marks = logs.marks(attempt.pk, known) if known < attempt.log_lines else []
    return {
        "attempt": str(attempt.pk),
        "head": _head(one),
        "known": known,
        "marks": [mark for mark in marks if mark[0] < attempt.log_lines],
        "first": first,
        "lines": [line.to_json() for line in lines],
    }


def _head(one: _Try) -> Frame:
    attempt, execution = one.attempt, one.attempt.execution
    status = status_of(_look(attempt), family="run")
    return {
        "number": execution.number,
        "nth": one.nth,
        "name": execution.name,
        "worker": execution.machine_name,
        "kind": str(status.kind),
        "status": status.label,
        "live": attempt.state in LIVE,
        "total": attempt.log_lines,
        "sha256": attempt.log_sha256,
        "start": _ms(attempt.started_at or attempt.assigned_at),
        "end": _ms(attempt.finished_at),
    }


def _look(attempt: Attempt) -> str:
    if attempt.state == AttemptState.LOST:
        return attempt.state
    if attempt.execution.has_warnings and attempt.execution.state == StepState.SUCCESS:
        return "SuccessWithWarnings"
    return attempt.execution.state


def _ms(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
