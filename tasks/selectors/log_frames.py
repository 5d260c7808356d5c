"""What a log view gets: the groups of a task's log (one for each attempt that wrote anything or
still may), with what is new since the line that the view has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from common.statuses import status_of
from tasks.models import LIVE, Attempt, AttemptState, ServerTask, StepState
from tasks.selectors import logs
from tasks.selectors.attempts import look_of, words_of
from tasks.selectors.log_archives import LogGone

#: Lines of one group in one frame.
TAIL = 1000
#: A view that is further behind gets so many of the newest, about what it shows, and fetches by range what
#: else it comes to show: lines that only pass by are not worth sending to everybody who watches.
NEWEST = 200

Frame = dict[str, Any]


@dataclass
class Position:
    """What one view has: the next line and the last head of each group, by attempt id. `seen` numbers the
    state of the log that it was brought to, for whoever shares frames; 0 where it has none yet."""

    after: dict[str, int] = field(default_factory=dict)
    heads: dict[str, Frame] = field(default_factory=dict)
    state: str = ""
    seen: int = 0

    def advance(self, frame: Frame, *, seen: int = 0) -> None:
        self.seen = seen
        self.state = frame["state"]
        for group in frame["groups"]:
            self.after[group["attempt"]] = group["head"]["total"]
            self.heads[group["attempt"]] = group["head"]


@dataclass(frozen=True)
class _Try:
    """`nth` counts the attempts of a step that have a group, from 1."""

    attempt: Attempt
    nth: int


@dataclass(frozen=True)
class Snapshot:
    """A task and its attempts at one moment."""

    task: ServerTask
    tries: list[_Try]


def snapshot(task: ServerTask) -> Snapshot:
    return Snapshot(task, _tries(task))


def first_frame(task: ServerTask) -> Frame:
    """For a page: every group, with together TAIL lines, first of all of the one to look at."""
    tries = _tries(task)
    tails = _shares([one.attempt for one in tries])
    return _frame(task, [_group(one, {}, tail=tails[one.attempt.pk]) for one in tries])


def next_frame(task: ServerTask, position: Position) -> Frame | None:
    """The groups that changed since `position`; None if nothing did."""
    return frame_since(snapshot(task), position)


def frame_since(state: Snapshot, position: Position) -> Frame | None:
    """The same of a moment that was read before."""
    task = state.task
    groups = [
        _group(one, position.after, tail=_tail(one.attempt, position))
        for one in state.tries
        if position.heads.get(str(one.attempt.pk)) != _head(one)
    ]
    return _frame(task, groups) if groups or task.state != position.state else None


def as_text(frame: Frame) -> str:
    """The lines in a frame without colours, for a page without script."""
    return "\n".join(line for group in frame["groups"] if group["lines"] for line in _group_text(group))


def _group_text(group: Frame) -> Iterator[str]:
    head = group["head"]
    yield f"── {head['label']}. {head['name']} · {head['worker']}"
    for seq, line in enumerate(group["lines"], group["first"]):
        yield f"{seq + 1:>6}  {logs.plain(line[3])}"


def _tries(task: ServerTask) -> list[_Try]:
    rows = Attempt.objects.filter(execution__task=task).select_related("execution", "archive")
    rows = rows.annotate(worker=F("machine__name"))
    found = rows.exclude(state=AttemptState.WITHDRAWN, log_lines=0).order_by("execution__number", "epoch")
    counts: Counter[int] = Counter()
    tries = []
    for attempt in found:
        counts[attempt.execution_id] += 1
        tries.append(_Try(attempt, counts[attempt.execution_id]))
    return tries


def readable_attempts(task: ServerTask) -> list[Attempt]:
    """Those that have a group with lines, in the order of the page."""
    return [one.attempt for one in _tries(task) if not _removed(one.attempt)]


def named_attempts(task: ServerTask) -> list[tuple[str, Attempt]]:
    """The same, each with the address of its group on the page: S2, or S2A2 for a second attempt."""
    return [
        (f"S{one.attempt.execution.number}" + (f"A{one.nth}" if one.nth > 1 else ""), one.attempt)
        for one in _tries(task)
        if not _removed(one.attempt)
    ]


def _tail(attempt: Attempt, position: Position) -> int:
    key = str(attempt.pk)
    if attempt.state not in LIVE and key not in position.after:
        return 0
    return TAIL if attempt.log_lines - position.after.get(key, 0) <= TAIL else NEWEST


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
    head = _head(one)
    total = head["total"]
    known = min(after.get(str(attempt.pk), 0), total)
    first = max(known, total - tail)
    try:
        # In pieces: the view puts them together, as they come in one frame after the other.
        lines = logs.lines(attempt.pk, first, total - first, joined=False) if first < total else []
        marks = logs.marks(attempt.pk, known, total=total) if known < total else []
    except LogGone as gone:
        lines, marks, head = [], [], {**head, "total": 0, "removed": str(gone)}
    return {
        "attempt": str(attempt.pk),
        "head": head,
        "known": known,
        "marks": [mark for mark in marks if mark[0] < total],
        "first": first,
        "lines": [line.to_json() for line in lines],
    }


def _head(one: _Try) -> Frame:
    attempt, execution = one.attempt, one.attempt.execution
    status = status_of(_look(attempt), family="run")
    removed = _removed(attempt)
    return {
        "number": execution.number,
        "label": execution.label,
        "nth": one.nth,
        "name": execution.title,
        "worker": "the server"
        if attempt.served_by
        else getattr(attempt, "worker", "") or execution.machine_name,
        "kind": str(status.kind),
        "status": status.label,
        "end_words": words_of(attempt),
        "live": attempt.state in LIVE or attempt.state == AttemptState.SERVING,
        "total": 0 if removed else attempt.log_lines,
        "removed": removed,
        "sha256": attempt.log_sha256,
        "gaps": _gaps(attempt),
        # Only an end that the worker told is checked against the stored log.
        "differs": bool(attempt.outcome) and not attempt.log_sha256 and not attempt.served_by,
        "start": _ms(attempt.started_at or attempt.assigned_at),
        "end": _ms(attempt.finished_at),
    }


def _gaps(attempt: Attempt) -> list[list[int]]:
    archive = getattr(attempt, "archive", None)
    return archive.gaps if archive else []


def _removed(attempt: Attempt) -> str:
    """What became of a log that is not there any more, for people; empty where it is."""
    archive = getattr(attempt, "archive", None)
    if archive is None or archive.removed_at is None:
        return ""
    removed = f"removed on {archive.removed_at:%Y-%m-%d}: {archive.removed_reason}"
    return f"Its {archive.lines:,} lines were {removed}"


def _look(attempt: Attempt) -> str:
    look = look_of(attempt)
    return "SuccessWithWarnings" if look == "Success" and attempt.execution.has_warnings else look


def _ms(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
