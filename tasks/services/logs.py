"""The log's only writer: chunks as they come from agents, in order, each exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from common import live
from common.prepared import Insert, Param, Rows, Update
from protocol.log import BadChunk, Chunk, Level, levels_of, unpack
from tasks.models import LIVE, Attempt, Execution, LogChunk, ServerTask
from tasks.services.log_tails import LogTail, forget, rebuild, recall, remember

UNKNOWN_ATTEMPT = "unknown_attempt"
WRONG_EPOCH = "wrong_epoch"


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


def append(
    attempt_id: UUID, epoch: int, chunks: Sequence[Chunk], *, machine_id: int | None = None
) -> AppendResult:
    """Stores the chunks that go on where the log ends, in one transaction.

    Chunks that are stored already are passed over, so that sending again does no harm; at a gap
    the rest is left and asked for again. Raises `LogRefused`, and then nothing is stored.
    """
    with transaction.atomic():
        attempt = _locked(attempt_id, epoch, machine_id)
        if attempt.log_sent_again:
            _replace(attempt, chunks)
        tail = _tail_of(attempt_id, attempt.log_lines).copy()
        rows, resend = _rows(attempt, tail, chunks)
        if rows:
            _store(attempt, tail, rows)
    if rows:
        remember(attempt_id, tail)
    return AppendResult(next_seq=tail.next_seq, resend=resend)


def settle(
    attempt_id: UUID, lines: int, bytes: int, sha256: str, *, stored: int
) -> Complete | Missing | Mismatch:
    """Compares what is stored (so many lines) with what the agent announced at the end. `bytes` and
    `sha256` (hex) are of the content of all lines in their order."""
    if stored < lines:
        return Missing(next_seq=stored)
    announced = (lines, bytes, sha256)
    tail = _tail_of(attempt_id, stored)
    if tail.receipt != announced:
        # The rows are the truth: a tail in memory may belong to a transaction that was undone.
        tail = _rebuilt(attempt_id, stored)
    if tail.receipt != announced:
        return Mismatch(*tail.receipt)
    forget(attempt_id)
    return Complete(*announced)


def start_over(attempt_id: UUID) -> bool:
    """Lets the whole log be sent again: each chunk takes the place of what is stored of its lines, so
    that nothing is lost should the worker not be able to. Once per attempt, then False."""
    return bool(Attempt.objects.filter(pk=attempt_id, log_sent_again=False).update(log_sent_again=True))


class _Log(NamedTuple):
    """An attempt as far as its log is concerned."""

    id: UUID
    epoch: int
    state: str
    log_lines: int
    log_sent_again: bool
    execution_id: int
    task_id: int
    space_id: int
    machine_id: int | None


_found = Rows(
    lambda: (
        Attempt.objects.select_for_update(of=("self",))
        .filter(pk=Param("id"))
        .values_list(
            "id",
            "epoch",
            "state",
            "log_lines",
            "log_sent_again",
            "execution_id",
            "execution__task_id",
            "execution__task__space_id",
            "machine_id",
        )
    )
)
_grow = Update(
    lambda: Attempt.objects.filter(pk=Param("id")), log_lines=Param("lines"), log_bytes=Param("bytes")
)
_insert = Insert(LogChunk)


def _locked(attempt_id: UUID, epoch: int, machine_id: int | None) -> _Log:
    found = _found.first(id=attempt_id)
    if found is None:
        raise LogRefused(UNKNOWN_ATTEMPT, "There is no such attempt here.")
    attempt = _Log(*found)
    if machine_id is not None and attempt.machine_id != machine_id:
        raise LogRefused(UNKNOWN_ATTEMPT, "This attempt is not this worker's.")
    if attempt.epoch != epoch:
        raise LogRefused(WRONG_EPOCH, f"This attempt has epoch {attempt.epoch}, not {epoch}.")
    return attempt


def _tail_of(attempt_id: UUID, stored: int) -> LogTail:
    known = recall(attempt_id)
    return known if known and known.next_seq == stored else _rebuilt(attempt_id, stored)


def _rebuilt(attempt_id: UUID, stored: int) -> LogTail:
    with suppress(BadChunk):
        tail = rebuild(attempt_id, stored)
        if tail.next_seq == stored:
            return tail
    # A stored chunk is damaged or gone. The log goes on; its finish finds out, and has it sent again.
    return LogTail(next_seq=stored)


def _replace(attempt: _Log, chunks: Iterable[Chunk]) -> None:
    """Puts chunks in the place of what is stored of the same lines."""
    for chunk in chunks:
        if chunk.next_seq <= attempt.log_lines and attempt.state in LIVE:
            values = _row(attempt, LogTail(), chunk)
            same_lines = {"first_seq__gte": chunk.first_seq, "first_seq__lt": chunk.next_seq}
            LogChunk.objects.filter(attempt=attempt.id, **same_lines).delete()
            _insert([values])
            # Its digest is of the past; the rows are read once more, at the finish.
            remember(attempt.id, LogTail(next_seq=attempt.log_lines))


def _rows(attempt: _Log, tail: LogTail, chunks: Iterable[Chunk]) -> tuple[list[dict[str, Any]], bool]:
    """Rows for the chunks that fit, moving the tail on; and whether a gap stopped it."""
    rows: list[dict[str, Any]] = []
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


def _row(attempt: _Log, tail: LogTail, chunk: Chunk) -> dict[str, Any]:
    try:
        runs = unpack(chunk)
    except BadChunk as error:
        raise LogRefused("bad_chunk", str(error)) from error
    tail.take(runs)
    return {
        "attempt_id": attempt.id,
        "first_seq": chunk.first_seq,
        "lines": chunk.lines,
        "raw_length": chunk.raw_length,
        "crc": chunk.crc,
        "payload": chunk.payload,
        "levels": levels_of(runs),
    }


def _store(attempt: _Log, tail: LogTail, rows: list[dict[str, Any]]) -> None:
    _insert(rows)
    _grow(id=attempt.id, lines=tail.next_seq, bytes=tail.size)
    if tail.loudest >= Level.WARNING and not tail.warned:
        tail.warned = True
        _warn(attempt)
    live.nudge(attempt.space_id, f"log-{attempt.task_id}")


def _warn(attempt: _Log) -> None:
    Execution.objects.filter(pk=attempt.execution_id, has_warnings=False).update(has_warnings=True)
    ServerTask.objects.filter(pk=attempt.task_id, has_warnings=False).update(has_warnings=True)
    live.nudge(attempt.space_id, f"task-{attempt.task_id}", "tasks")
