"""Stored chunks of a log, read a few at a time and decoded at most once while they are in use: out of rows
while it is written, out of its archive from then on."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
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
#: Unpacked chunks kept in memory, of at most half a megabyte each.
UNPACKED = 64
#: Beyond the last line that a log can have.
END = 2**62


class StoredLine(NamedTuple):
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
    """The same, each with the number of its first line; every line once."""
    for passed, chunk in chunks_with_passed(attempt_id, end=end):
        yield chunk.first_seq + passed, runs_after(chunk, passed)


def chunks_with_passed(attempt_id: UUID, *, end: int = END) -> Iterator[tuple[int, Chunk]]:
    """The chunks of a log in order, each after the number of its first lines that were in earlier ones. The
    log may be archived meanwhile: its rows go from the last one on, so that those that are left begin at the
    first line. Raises `log_archives.LogGone`."""
    at = 0
    while at < end:
        batch = list(_overlapping(attempt_id, at, end)[:BATCH])
        if not batch:
            break
        for row in batch:
            yield 0, chunk_of(row)
            at = row.first_seq + row.lines
    if at < end:
        for chunk in log_archives.chunks(attempt_id, at, end):
            # A block of the archive may hold several chunks, some of which have been read.
            yield max(at - chunk.first_seq, 0), chunk


def runs_after(chunk: Chunk, passed: int) -> list[Run]:
    """What a chunk holds after its first so many lines. Raises `BadChunk`."""
    runs = unpack(chunk)
    return list(_without(runs, passed)) if passed else runs


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


def stored_lines(attempt_id: UUID, first: int, end: int) -> Iterator[tuple[int, StoredLine]]:
    """The lines from `first` below `end` with their numbers, as far as they are there. Raises `BadChunk` and
    `log_archives.LogGone`."""
    at, keys = first, _keys(attempt_id, first, end)
    for start in range(0, len(keys), BATCH):
        for key, unpacked in _of_rows(attempt_id, keys[start : start + BATCH]):
            yield from unpacked.lines(at, end)
            at = key.first_seq + key.lines
    if at < end:
        yield from _archived(attempt_id, at, end)


def _of_rows(attempt_id: UUID, keys: list[_Key]) -> Iterator[tuple[_Key, Unpacked]]:
    """As far as the rows are still there: they may be archived meanwhile, from the last one on."""
    missing = [key.first_seq for key in keys if key not in _unpacked]
    chunks = _chunks(attempt_id, missing) if missing else {}
    for key in keys:
        unpacked = _unpacked_chunk(key, lambda key=key: chunks.get(key.first_seq))  # type: ignore[misc]
        if unpacked is None:
            return
        yield key, unpacked


def _archived(attempt_id: UUID, at: int, end: int) -> Iterator[tuple[int, StoredLine]]:
    for block, read in log_archives.blocks(attempt_id, at, end):
        key = _Key(attempt_id, block.first_seq, block.lines, block.crc)
        unpacked = _unpacked_chunk(key, read)
        if unpacked is not None:
            yield from unpacked.lines(at, end)


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


class Unpacked:
    """The runs of a chunk, of which single lines are made when somebody asks for them."""

    def __init__(self, first_seq: int, runs: list[Run]) -> None:
        self._runs = runs
        #: The number of the line that each run begins with, and the one after the last.
        self._starts = list(accumulate((run.lines for run in runs), initial=first_seq))

    def lines(self, first: int, end: int) -> Iterator[tuple[int, StoredLine]]:
        """Those from `first` below `end`, with their numbers."""
        at = max(bisect_right(self._starts, first) - 1, 0)
        while at < len(self._runs) and self._starts[at] < end:
            start = self._starts[at]
            yield from _lines(self._runs[at], start, max(first - start, 0), end - start)
            at += 1


_unpacked: OrderedDict[_Key, Unpacked] = OrderedDict()
_lock = Lock()


def _unpacked_chunk(key: _Key, read: Callable[[], Chunk | None]) -> Unpacked | None:
    """None if the chunk is not there any more. Chunks never change, so many readers of one log share the
    work."""
    with _lock:
        if key in _unpacked:
            _unpacked.move_to_end(key)
            return _unpacked[key]
    chunk = read()
    if chunk is None:
        return None
    made = Unpacked(chunk.first_seq, unpack(chunk))
    with _lock:
        _unpacked[key] = made
        while len(_unpacked) > UNPACKED:
            _unpacked.popitem(last=False)
    return made


def _lines(run: Run, start: int, low: int, high: int) -> Iterator[tuple[int, StoredLine]]:
    """Lines `low` to below `high` of a run whose first one has the number `start`."""
    pieces = run.data.split(b"\n")
    last = len(pieces) - 1
    for index in range(low, min(high, last + bool(pieces[last]))):
        is_whole, continues = index < last, run.continues and not index
        line = StoredLine(run.time, run.level, run.stream, pieces[index], is_whole, continues)
        yield start + index, line
