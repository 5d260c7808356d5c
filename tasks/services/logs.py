"""The log's only writer: chunks as they come from agents, in order, each exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.db import transaction

from common import live
from protocol.log import BadChunk, Chunk, Level, Run, unpack
from tasks.models import LIVE, Attempt, Execution, LogChunk, ServerTask
from tasks.selectors.log_chunks import CONTINUATION
from tasks.services.log_tails import LogTail, forget, rebuild, recall, remember


class LogRefused(Exception):
    """Chunks that will never be stored. `code` is stable (unknown_attempt, wrong_epoch,
    attempt_finished, bad_chunk, overlap), the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class AppendResult:
    """Everything below `next_seq` is stored; `resend` asks the agent to go back to it."""

    next_seq: int
    resend: bool = False


@dataclass(frozen=True)
class Complete:
    """The whole log is stored and matches what the agent counted and hashed."""

    lines: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Missing:
    """Lines from `next_seq` on have not arrived yet."""

    next_seq: int


@dataclass(frozen=True)
class Mismatch:
    """As many lines as announced, or more, but not the same content."""

    lines: int
    bytes: int
    sha256: str


def append(attempt_id: UUID, epoch: int, chunks: Sequence[Chunk]) -> AppendResult:
    """Stores the chunks that go on where the log ends, in one transaction.

    Chunks that are stored already are passed over, so that sending again does no harm; at a gap
    the rest is left and asked for again. Raises `LogRefused`, and then nothing is stored.
    """
    with transaction.atomic():
        attempt = _locked(attempt_id, epoch)
        tail = _tail_of(attempt).copy()
        rows, resend = _rows(attempt, tail, chunks)
        if rows:
            _store(attempt, tail, rows)
    if rows:
        remember(attempt_id, tail)
    return AppendResult(next_seq=tail.next_seq, resend=resend)


def settle(attempt_id: UUID, lines: int, bytes: int, sha256: str) -> Complete | Missing | Mismatch:
    """Compares what is stored with what the agent announced at the end; keeps the digest when
    they agree. `bytes` and `sha256` (hex) are of the content of all lines in their order.
    May be called again with the same answer. Raises `LogRefused` for an unknown attempt."""
    with transaction.atomic():
        attempt = _found(attempt_id)
        if attempt.log_lines < lines:
            return Missing(next_seq=attempt.log_lines)
        announced = (lines, bytes, sha256)
        tail = _tail_of(attempt)
        if tail.receipt != announced:
            # The rows are the truth: a tail in memory may belong to a transaction that was undone.
            tail = rebuild(attempt)
        if tail.receipt != announced:
            return Mismatch(*tail.receipt)
        Attempt.objects.filter(pk=attempt_id).update(log_sha256=sha256)
    forget(attempt_id)
    return Complete(*announced)


def _found(attempt_id: UUID) -> Attempt:
    found = (
        Attempt.objects.select_for_update(of=("self",))
        .select_related("execution__task")
        .only("epoch", "state", "log_lines", "execution__task__space_id")
        .filter(pk=attempt_id)
        .first()
    )
    if found is None:
        raise LogRefused("unknown_attempt", "There is no such attempt here.")
    return found


def _locked(attempt_id: UUID, epoch: int) -> Attempt:
    attempt = _found(attempt_id)
    if attempt.epoch != epoch:
        raise LogRefused("wrong_epoch", f"This attempt has epoch {attempt.epoch}, not {epoch}.")
    return attempt


def _tail_of(attempt: Attempt) -> LogTail:
    known = recall(attempt.pk)
    return known if known and known.next_seq == attempt.log_lines else rebuild(attempt)


def _rows(attempt: Attempt, tail: LogTail, chunks: Iterable[Chunk]) -> tuple[list[LogChunk], bool]:
    """Rows for the chunks that fit, moving the tail on; and whether a gap stopped it."""
    rows: list[LogChunk] = []
    for chunk in chunks:
        if chunk.next_seq <= tail.next_seq:
            continue
        if chunk.first_seq > tail.next_seq:
            return rows, True
        if chunk.first_seq < tail.next_seq:
            raise LogRefused("overlap", f"Lines {chunk.first_seq} to {tail.next_seq - 1} are stored already.")
        if attempt.state not in LIVE:
            raise LogRefused("attempt_finished", "This attempt is over; its log is closed.")
        rows.append(_row(attempt, tail, chunk))
    return rows, False


def _row(attempt: Attempt, tail: LogTail, chunk: Chunk) -> LogChunk:
    try:
        runs = unpack(chunk)
    except BadChunk as error:
        raise LogRefused("bad_chunk", str(error)) from error
    tail.take(runs)
    return LogChunk(
        attempt_id=attempt.pk,
        first_seq=chunk.first_seq,
        lines=chunk.lines,
        raw_length=chunk.raw_length,
        crc=chunk.crc,
        payload=chunk.payload,
        levels=_levels(runs),
    )


def _levels(runs: Sequence[Run]) -> list[list[int]] | None:
    """[[level, lines], ...] over all lines of a chunk, or None where all are plain Info."""
    if all(run.level is Level.INFO and not run.continues for run in runs):
        return None
    marks = [mark for run in runs for mark in _marks(run)]
    return [
        [level, sum(lines for _, lines in group)] for level, group in groupby(marks, key=lambda mark: mark[0])
    ]


def _marks(run: Run) -> list[tuple[int, int]]:
    level, lines = int(run.level), run.lines
    if not run.continues:
        return [(level, lines)]
    return [(CONTINUATION, 1), (level, lines - 1)] if lines > 1 else [(CONTINUATION, 1)]


def _store(attempt: Attempt, tail: LogTail, rows: list[LogChunk]) -> None:
    LogChunk.objects.bulk_create(rows)
    Attempt.objects.filter(pk=attempt.pk).update(log_lines=tail.next_seq, log_bytes=tail.size)
    task = attempt.execution.task
    if tail.loudest >= Level.WARNING and not tail.warned:
        tail.warned = True
        _warn(attempt.execution_id, task)
    live.nudge(task.space_id, f"log-{task.pk}")


def _warn(execution_id: int, task: ServerTask) -> None:
    Execution.objects.filter(pk=execution_id, has_warnings=False).update(has_warnings=True)
    ServerTask.objects.filter(pk=task.pk, has_warnings=False).update(has_warnings=True)
    live.nudge(task.space_id, f"task-{task.pk}", "tasks")
