"""Stored chunks of a log, read a few at a time and decoded at most once while they are in use: out of rows
while it is written, out of its archive from then on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from protocol.log import Chunk, Level, Run, Stream, unpack
from tasks.models import LogChunk
from tasks.selectors import log_archives

#: Chunks read in one go: at most a few megabytes in memory, and no cursor left open on the
#: database while a slow reader takes its time.
BATCH = 8
#: Decoded chunks kept in memory, of at most half a megabyte each.
DECODED = 64
#: Beyond the last line that a log can have.
END = 2**62


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line as the script wrote it. `time` in milliseconds since the epoch, `data` without the
    line end; `continues` goes on with the last unterminated line of its stream."""

    time: int
    level: Level
    stream: Stream
    data: bytes
    terminated: bool
    continues: bool


class _Key(NamedTuple):
    """Tells chunks apart: one of a log that was sent again has another check sum."""

    attempt_id: UUID
    first_seq: int
    lines: int
    crc: int


def stored_runs(attempt_id: UUID, *, before: int | None = None) -> Iterator[list[Run]]:
    """The runs of each chunk in order; with `before`, of the chunks that start below that line. Raises
    `BadChunk` and `log_archives.LogGone`."""
    for _, runs in numbered_runs(attempt_id, end=END if before is None else before):
        yield runs


def numbered_runs(attempt_id: UUID, *, end: int = END) -> Iterator[tuple[int, list[Run]]]:
    """The same, each with the number of its first line; every line once. The log may be archived meanwhile:
    its rows go from the last one on, so that those that are left begin at the first line."""
    at = 0
    while at < end:
        batch = list(_overlapping(attempt_id, at, end)[:BATCH])
        if not batch:
            break
        for row in batch:
            yield row.first_seq, unpack(chunk_of(row))
            at = row.first_seq + row.lines
    if at < end:
        for chunk in log_archives.chunks(attempt_id, at, end):
            # A block of the archive may hold several chunks, some of which have been read.
            passed = max(at - chunk.first_seq, 0)
            yield chunk.first_seq + passed, list(_without(unpack(chunk), passed))


def _without(runs: list[Run], lines: int) -> Iterator[Run]:
    """What follows the first so many lines."""
    for run in runs:
        if lines <= 0:
            yield run
        elif run.lines > lines:
            yield replace(run, data=run.data.split(b"\n", lines)[lines], continues=False)
        lines -= run.lines


def chunk_of(row: LogChunk) -> Chunk:
    return Chunk(row.first_seq, row.lines, row.raw_length, row.crc, bytes(row.payload))


def covering(attempt_id: UUID, first: int, end: int) -> Iterator[tuple[int, tuple[StoredLine, ...]]]:
    """(number of the first line, lines) of each chunk that holds any line from `first` below `end`, as far
    as they are there. Raises `BadChunk` and `log_archives.LogGone`."""
    at, keys = first, _keys(attempt_id, first, end)
    for start in range(0, len(keys), BATCH):
        for key, lines in _of_rows(attempt_id, keys[start : start + BATCH]):
            yield key.first_seq, lines
            at = key.first_seq + key.lines
    if at < end:
        yield from _archived(attempt_id, at, end)


def _of_rows(attempt_id: UUID, keys: list[_Key]) -> Iterator[tuple[_Key, tuple[StoredLine, ...]]]:
    """As far as the rows are still there: they may be archived meanwhile, from the last one on."""
    missing = [key.first_seq for key in keys if key not in _decoded]
    chunks = _chunks(attempt_id, missing) if missing else {}
    for key in keys:
        lines = _decoded_lines(key, lambda key=key: chunks.get(key.first_seq))  # type: ignore[misc]
        if lines is None:
            return
        yield key, lines


def _archived(attempt_id: UUID, at: int, end: int) -> Iterator[tuple[int, tuple[StoredLine, ...]]]:
    for block, read in log_archives.blocks(attempt_id, at, end):
        lines = _decoded_lines(_Key(attempt_id, block.first_seq, block.lines, block.crc), read)
        passed = max(at - block.first_seq, 0)
        yield block.first_seq + passed, (lines or ())[passed:]


def _overlapping(attempt_id: UUID, first: int, end: int) -> QuerySet[LogChunk]:
    chunks = LogChunk.objects.filter(attempt=attempt_id)
    # The one that holds the first line, found by the index; those before it are not looked at.
    before = chunks.filter(first_seq__lte=first).order_by("-first_seq").values("first_seq")[:1]
    start = Coalesce(Subquery(before), Value(0))
    wanted = chunks.filter(first_seq__gte=start, first_seq__lt=end, first_seq__gt=first - F("lines"))
    return wanted.order_by("first_seq")


def _keys(attempt_id: UUID, first: int, end: int) -> list[_Key]:
    """Without payloads: most of what is asked for has just been read for somebody else."""
    rows = _overlapping(attempt_id, first, end).values_list("first_seq", "lines", "crc")
    return [_Key(attempt_id, *row) for row in rows]


def _chunks(attempt_id: UUID, first_seqs: list[int]) -> dict[int, Chunk]:
    rows = LogChunk.objects.filter(attempt=attempt_id, first_seq__in=first_seqs)
    return {row.first_seq: chunk_of(row) for row in rows}


_decoded: OrderedDict[_Key, tuple[StoredLine, ...]] = OrderedDict()
_lock = Lock()


def _decoded_lines(key: _Key, read: Callable[[], Chunk | None]) -> tuple[StoredLine, ...] | None:
    """The lines of a chunk; None if it is not there any more. Chunks never change, so many readers of one
    log share the work."""
    with _lock:
        if key in _decoded:
            _decoded.move_to_end(key)
            return _decoded[key]
    chunk = read()
    if chunk is None:
        return None
    lines = tuple(line for run in unpack(chunk) for line in _lines(run))
    with _lock:
        _decoded[key] = lines
        while len(_decoded) > DECODED:
            _decoded.popitem(last=False)
    return lines


def _lines(run: Run) -> Iterator[StoredLine]:
    pieces = run.data.split(b"\n")
    last = pieces.pop()
    continues = run.continues
    for piece in pieces:
        yield StoredLine(run.time, run.level, run.stream, piece, True, continues)
        continues = False
    if last:
        yield StoredLine(run.time, run.level, run.stream, last, False, continues)
