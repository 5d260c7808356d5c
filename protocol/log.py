"""Log chunks: what a script printed, as it travels from the shim's spool to the server's table.

A *run* is a stretch of output with one time, stream and level; a *chunk* is a zlib-compressed
sequence of runs. The shim writes chunks to its spool, the agent sends them as they are, the server
stores them as they come: nobody takes a line in hand on the way.

Lines are numbered from 0 in each attempt. A run's lines end after each line feed; what follows the
last line feed is one more line, unterminated. A run that goes on with an unterminated line of its
stream has `CONTINUES` set.

A chunk message is: attempt id (16 bytes), epoch, first_seq, lines, raw length, CRC-32 of the raw
payload, compressed payload. Integers are big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby

MAX_CHUNK_RAW = 512 * 1024
#: Longest line that is kept in one piece; a longer one is cut into unterminated lines.
MAX_LINE = 64 * 1024

_RUN = struct.Struct(">BBBxqI")
_HEADER = struct.Struct(">QIII")
#: Length of a chunk's own header, before its payload.
HEADER_BYTES = _HEADER.size
#: Bytes that each run takes in a chunk beside its data.
RUN_BYTES = _RUN.size
_ADDRESS = struct.Struct(">16sI")
CONTINUES = 1
#: Stands in `levels_of` for a line that goes on with an earlier, unterminated line.
CONTINUATION = 0


class Stream(IntEnum):
    STDOUT = 1
    STDERR = 2
    #: Words of the agent itself about this attempt.
    AGENT = 3


class Level(IntEnum):
    """Ordered by how loud a line is."""

    VERBOSE = 10
    INFO = 20
    HIGHLIGHT = 30
    WAIT = 35
    WARNING = 40
    ERROR = 50
    FATAL = 60


class BadChunk(ValueError):
    """Bytes that are not a chunk: too short, too long, wrong CRC, or counts that do not fit."""


@dataclass(frozen=True)
class Run:
    """`time` in milliseconds since the epoch on the agent's clock."""

    time: int
    stream: Stream
    level: Level
    data: bytes
    continues: bool = False

    @property
    def lines(self) -> int:
        return count_lines(self.data)


@dataclass(frozen=True)
class Chunk:
    """`payload` is compressed; `first_seq` the number of its first line; `raw_length` in bytes."""

    first_seq: int
    lines: int
    raw_length: int
    crc: int
    payload: bytes

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.lines


def count_lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def pack(first_seq: int, runs: list[Run]) -> Chunk:
    """Runs, together at most MAX_CHUNK_RAW bytes of content, as a chunk."""
    parts: list[bytes] = []
    for run in runs:
        flags = CONTINUES if run.continues else 0
        parts.append(_RUN.pack(run.level, run.stream, flags, run.time, len(run.data)))
        parts.append(run.data)
    raw = b"".join(parts)
    lines = sum(run.lines for run in runs)
    return Chunk(first_seq, lines, len(raw), zlib.crc32(raw), zlib.compress(raw, 1))


def unpack(chunk: Chunk) -> list[Run]:
    """The runs of a chunk. Raises `BadChunk`; never inflates more than the chunk declares."""
    if chunk.raw_length > 2 * MAX_CHUNK_RAW:
        raise BadChunk(f"The chunk declares {chunk.raw_length} bytes.")
    raw = _inflate(chunk)
    if len(raw) != chunk.raw_length or zlib.crc32(raw) != chunk.crc:
        raise BadChunk("The chunk's content does not match its check sum.")
    runs = list(_runs(raw))
    if sum(run.lines for run in runs) != chunk.lines or not runs:
        raise BadChunk("The chunk's number of lines does not match its content.")
    return runs


def levels_of(runs: Sequence[Run]) -> list[list[int]] | None:
    """[[level, lines], ...] over all lines of a chunk, or None where all are plain Info; the level of a line
    that goes on with an earlier one is CONTINUATION."""
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


def _inflate(chunk: Chunk) -> bytes:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(chunk.payload, chunk.raw_length + 1)
    except zlib.error as error:
        raise BadChunk("The chunk is not compressed as it should be.") from error
    if not inflater.eof or inflater.unused_data:
        raise BadChunk("The chunk's compressed content does not end where it should.")
    return raw


def _runs(raw: bytes) -> Iterator[Run]:
    position = 0
    while position < len(raw):
        try:
            level, stream, flags, time, length = _RUN.unpack_from(raw, position)
            start = position + _RUN.size
            position = start + length
            if not length or position > len(raw):
                raise BadChunk("A run is empty or longer than its chunk.")
            yield Run(time, Stream(stream), Level(level), raw[start:position], bool(flags & CONTINUES))
        except (struct.error, ValueError) as error:
            raise BadChunk(str(error)) from error


def to_bytes(chunk: Chunk) -> bytes:
    return _HEADER.pack(chunk.first_seq, chunk.lines, chunk.raw_length, chunk.crc) + chunk.payload


def from_bytes(data: bytes) -> Chunk:
    try:
        first_seq, lines, raw_length, crc = _HEADER.unpack_from(data)
    except struct.error as error:
        raise BadChunk("The chunk is too short.") from error
    return Chunk(first_seq, lines, raw_length, crc, data[_HEADER.size :])


def to_message(attempt: bytes, epoch: int, chunk: Chunk) -> bytes:
    """The binary WebSocket message; `attempt` is the 16 bytes of the attempt's UUID."""
    return _ADDRESS.pack(attempt, epoch) + to_bytes(chunk)


def from_message(message: bytes) -> tuple[bytes, int, Chunk]:
    """Attempt (16 bytes), epoch and chunk of a binary message. Raises `BadChunk`."""
    try:
        attempt, epoch = _ADDRESS.unpack_from(message)
    except struct.error as error:
        raise BadChunk("The message is too short.") from error
    return attempt, epoch, from_bytes(message[_ADDRESS.size :])
