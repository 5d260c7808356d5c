"""What can be vouched for of a task's log: lines, bytes, sha256 of each attempt, and what is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from protocol.log import BadChunk
from tasks.models import LIVE, Attempt, ServerTask
from tasks.selectors.log_archives import LogGone
from tasks.selectors.log_chunks import numbered_runs


@dataclass(frozen=True)
class Receipt:
    """`gaps` are [first, last] line numbers from 0. `expected` is what the worker announced at the end and
    the server compared then; empty where it never did. `removed` says what became of a log that is gone."""

    number: int
    nth: int
    lines: int
    bytes: int
    sha256: str
    gaps: tuple[tuple[int, int], ...]
    expected: str
    is_open: bool = False
    removed: str = ""
    damage: str = ""

    @property
    def is_good(self) -> bool:
        return not self.damage and not self.gaps and self.expected in ("", self.sha256)

    @property
    def verdict(self) -> str:
        """One sentence or two."""
        if self.damage:
            return self.damage
        if self.gaps:
            return "Missing: " + ", ".join(f"lines {low + 1} to {high + 1}" for low, high in self.gaps) + "."
        if self.is_open:
            return "It is still being written."
        if not self.expected:
            return "All that is stored is whole. The worker never said what its log should be."
        return "Complete." if self.expected == self.sha256 else "This is not what was checked at the end."


def verified(task: ServerTask) -> Iterator[Receipt]:
    """One for each attempt that wrote anything, after reading every stored line of it."""
    counts: Counter[int] = Counter()
    rows = Attempt.objects.filter(execution__task=task, log_lines__gt=0)
    for attempt in rows.select_related("execution", "archive").order_by("execution__number", "epoch"):
        counts[attempt.execution_id] += 1
        yield _receipt(attempt, counts[attempt.execution_id])


def _receipt(attempt: Attempt, nth: int) -> Receipt:
    archive = getattr(attempt, "archive", None)
    if archive is not None and not archive.name:
        words = f"Removed on {archive.removed_at:%Y-%m-%d}: {archive.removed_reason}"
        gaps = tuple((low, high) for low, high in archive.gaps)
        about = (archive.lines, archive.bytes, archive.sha256, gaps, attempt.log_sha256)
        return Receipt(attempt.execution.number, nth, *about, removed=words)
    return _read_through(attempt, nth)


def _read_through(attempt: Attempt, nth: int) -> Receipt:
    digest, size, at, damage = hashlib.sha256(), 0, 0, ""
    gaps: list[tuple[int, int]] = []
    try:
        for first, runs in numbered_runs(attempt.pk, end=attempt.log_lines):
            if first > at:
                gaps.append((at, first - 1))
            for run in runs:
                digest.update(run.data)
                size += len(run.data)
            at = first + sum(run.lines for run in runs)
    except (BadChunk, LogGone) as error:
        damage = f"Damaged from line {at + 1} on: {error}"
    if at < attempt.log_lines and not damage:
        gaps.append((at, attempt.log_lines - 1))
    number = attempt.execution.number
    about = (attempt.log_lines, size, digest.hexdigest(), tuple(gaps), attempt.log_sha256)
    return Receipt(number, nth, *about, is_open=attempt.state in LIVE, damage=damage)
