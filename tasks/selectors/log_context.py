"""Places in a log with the lines around them, as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from protocol.log import Level
from tasks.models import Attempt
from tasks.selectors import logs
from tasks.selectors.log_search import Result

#: Lines before and after a place.
AROUND = 2
#: Places on one page.
MOST = 100


@dataclass(frozen=True)
class Line:
    """`number` from 1, as pages count."""

    number: int
    text: str
    is_hit: bool
    level: int


@dataclass(frozen=True)
class Passage:
    """Lines that stand together; `anchor` is the address of its first hit on the task's page."""

    number: int
    step: str
    anchor: str
    lines: list[Line]


def of(result: Result) -> list[Passage]:
    """The first MOST hits; those that stand close together share a passage. Raises `LogGone`."""
    passages: list[Passage] = []
    left = MOST
    nth: Counter[int] = Counter()
    for found in result.found:
        nth[found.attempt.execution_id] += 1
        hits = found.hits[:left]
        left -= len(hits)
        passages += [_passage(found.attempt, nth[found.attempt.execution_id], some) for some in _close(hits)]
    return passages


def _close(hits: list[int]) -> Iterator[list[int]]:
    group: list[int] = []
    for hit in hits:
        if group and hit - group[-1] > 2 * AROUND + 1:
            yield group
            group = []
        group.append(hit)
    if group:
        yield group


def _passage(attempt: Attempt, nth: int, hits: list[int]) -> Passage:
    execution = attempt.execution
    prefix = f"S{execution.number}A{nth}" if nth > 1 else f"S{execution.number}"
    lines = around(attempt, hits[0], hits[-1], hits=frozenset(hits))
    return Passage(execution.number, execution.title, f"{prefix}L{hits[0] + 1}", lines)


def page(attempt: Attempt, first: int, count: int) -> list[Line]:
    """The lines from `first` (from 0) on; one in pieces stands whole at its first. Raises `LogGone`."""
    found: list[Line] = []
    end = min(first + count, attempt.log_lines)
    while first < end:
        lines = logs.lines(attempt.pk, first, end - first)
        if not lines:
            break
        found += [
            Line(one.seq + 1, logs.plain(one.text), False, int(one.level))
            for one in lines
            if not one.continues
        ]
        first = lines[-1].seq + 1
    return found


def around(
    attempt: Attempt, first: int, last: int, *, hits: frozenset[int], lines: int = AROUND
) -> list[Line]:
    """The lines from `first` to `last` (from 0) with so many before and after them. Raises `LogGone`."""
    start = max(first - lines, 0)
    found = logs.lines(attempt.pk, start, last + lines + 1 - start)
    return [
        Line(one.seq + 1, logs.plain(one.text), one.seq in hits, int(one.level))
        for one in found
        if one.seq in hits or not (one.continues or one.level <= Level.VERBOSE)
    ]
