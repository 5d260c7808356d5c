"""Stored chunks of a log, read a few at a time and decoded at most once while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from django.db.models import F, Max, QuerySet

from protocol.log import Chunk, Level, Run, Stream, unpack
from tasks.models import LogChunk

#: Chunks read in one go: at most a few megabytes in memory, and no cursor left open on the
#: database while a slow reader takes its time.
BATCH = 8
#: Decoded chunks kept in memory, of at most half a megabyte each.
DECODED = 64

#: Stands in `LogChunk.levels` for a line that goes on with an earlier, unterminated line.
CONTINUATION = 0


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


def stored_runs(attempt_id: UUID, *, before: int | None = None) -> Iterator[list[Run]]:
    """The runs of each chunk in order; with `before`, of the chunks that start below that line."""
    after = -1
    while batch := _batch(attempt_id, after=after, before=before):
        for row in batch:
            yield runs_of(row)
        after = batch[-1].first_seq


def _batch(attempt_id: UUID, *, after: int, before: int | None) -> list[LogChunk]:
    rows = LogChunk.objects.filter(attempt=attempt_id, first_seq__gt=after)
    if before is not None:
        rows = rows.filter(first_seq__lt=before)
    return list(rows.order_by("first_seq")[:BATCH])


def runs_of(row: LogChunk) -> list[Run]:
    return unpack(Chunk(row.first_seq, row.lines, row.raw_length, row.crc, bytes(row.payload)))


def covering(attempt_id: UUID, first: int, end: int) -> Iterator[tuple[int, tuple[StoredLine, ...]]]:
    """(number of the first line, lines) of each chunk that holds any line from `first` below `end`."""
    for row in list(_overlapping(attempt_id, first, end)):
        yield row.first_seq, decoded(row)


def _overlapping(attempt_id: UUID, first: int, end: int) -> QuerySet[LogChunk]:
    chunks = LogChunk.objects.filter(attempt=attempt_id)
    start = chunks.filter(first_seq__lte=first).aggregate(start=Max("first_seq"))["start"] or 0
    wanted = chunks.filter(first_seq__gte=start, first_seq__lt=end, first_seq__gt=first - F("lines"))
    return wanted.order_by("first_seq")


_decoded: OrderedDict[tuple[UUID, int, int], tuple[StoredLine, ...]] = OrderedDict()
_lock = Lock()


def decoded(row: LogChunk) -> tuple[StoredLine, ...]:
    """The lines of a chunk. Chunks never change, so many readers of one log share the work."""
    key = (row.attempt_id, row.first_seq, row.crc)
    with _lock:
        if key in _decoded:
            _decoded.move_to_end(key)
            return _decoded[key]
    lines = tuple(line for run in runs_of(row) for line in _lines(run))
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
