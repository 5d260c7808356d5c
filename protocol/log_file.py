"""A finished log as one file: its chunks, then an index of them, so that any line is found by two reads.

    MAGIC, chunk, chunk, ..., index, trailer

A chunk stands as `protocol.log.to_bytes` gives it. The index is zlib-compressed JSON; the trailer says
where it begins, how long it is and its CRC-32, and ends with MAGIC again, so that a file that was broken
off has none. Small chunks are packed into larger ones on the way; lines keep their numbers and bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Callable, Optional

from protocol.log import HEADER_BYTES, BadChunk, Chunk, Run, from_bytes, levels_of, pack, to_bytes, unpack

MAGIC = b"OCTOLOG1"
#: Bytes of content at which small chunks have made a block; a chunk of half of it stays as it is.
BLOCK_BYTES = 256 * 1024
#: Compressed bytes and uncompressed ones that an index may have before it is taken for damaged.
MAX_INDEX = 64 * 1024 * 1024
MAX_INDEX_RAW = 512 * 1024 * 1024
_TRAILER = struct.Struct(">QII8s")
TRAILER_BYTES = _TRAILER.size

Levels = Optional[Sequence[Sequence[int]]]
#: (offset, length) to the bytes there; fewer at the end.
Read = Callable[[int, int], bytes]


class BadLogFile(ValueError):
    """Not a whole log file; the text says what is wrong with it."""


@dataclass(frozen=True)
class Block:
    """One chunk in the file: `offset` and `length` in bytes, `time` of its first line in milliseconds since
    the epoch, `levels` as `protocol.log.levels_of` gives them."""

    first_seq: int
    lines: int
    offset: int
    length: int
    crc: int
    time: int
    levels: Levels

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.lines


@dataclass(frozen=True)
class LogIndex:
    """What the file holds. `lines` counts also those in `gaps` ([first, last], both included), which it does
    not hold; `bytes` and `sha256` (hex) are of the content of all lines that it does."""

    lines: int
    bytes: int
    sha256: str
    gaps: tuple[tuple[int, int], ...]
    blocks: tuple[Block, ...]

    def covering(self, first: int, end: int) -> Iterator[Block]:
        """The blocks that hold any line from `first` below `end`, in order."""
        low, high = 0, len(self.blocks)
        while low < high:
            middle = (low + high) // 2
            if self.blocks[middle].next_seq <= first:
                low = middle + 1
            else:
                high = middle
        for block in self.blocks[low:]:
            if block.first_seq >= end:
                return
            yield block


class LogFileWriter:
    """Takes chunks in the order of their lines. The file is whole only after `close`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offset = file.write(MAGIC)
        self._digest = hashlib.sha256()
        self._bytes = self._next = 0
        self._blocks: list[Block] = []
        self._gaps: list[tuple[int, int]] = []
        self._runs: list[Run] = []
        self._first = self._size = 0

    def add(self, chunk: Chunk) -> None:
        """A chunk that is damaged counts as a gap, one whose lines are there already as nothing."""
        if chunk.first_seq < self._next:
            return
        try:
            runs = unpack(chunk)
        except BadChunk:
            return
        if chunk.first_seq > self._next:
            self._flush()
            self._gaps.append((self._next, chunk.first_seq - 1))
        for run in runs:
            self._digest.update(run.data)
            self._bytes += len(run.data)
        self._next = chunk.next_seq
        if not self._runs and chunk.raw_length >= BLOCK_BYTES // 2:
            self._write(chunk, runs)
        else:
            self._gather(chunk, runs)

    def close(self, *, lines: int) -> LogIndex:
        """Writes index and trailer; of a log of so many lines."""
        self._flush()
        if lines > self._next:
            self._gaps.append((self._next, lines - 1))
        index = LogIndex(
            max(lines, self._next),
            self._bytes,
            self._digest.hexdigest(),
            tuple(self._gaps),
            tuple(self._blocks),
        )
        data = zlib.compress(_to_json(index), 6)
        self._file.write(data)
        self._file.write(_TRAILER.pack(self._offset, len(data), zlib.crc32(data), MAGIC))
        return index

    def _gather(self, chunk: Chunk, runs: list[Run]) -> None:
        if self._runs and self._size + chunk.raw_length > BLOCK_BYTES:
            self._flush()
        if not self._runs:
            self._first = chunk.first_seq
        self._runs += runs
        self._size += chunk.raw_length

    def _flush(self) -> None:
        if self._runs:
            self._write(pack(self._first, self._runs), self._runs)
        self._runs, self._size = [], 0

    def _write(self, chunk: Chunk, runs: list[Run]) -> None:
        data = to_bytes(chunk)
        self._file.write(data)
        place = (self._offset, len(data), chunk.crc)
        self._blocks.append(Block(chunk.first_seq, chunk.lines, *place, runs[0].time, levels_of(runs)))
        self._offset += len(data)


def read_index(read: Read, size: int) -> LogIndex:
    """The index of a file of so many bytes. Raises `BadLogFile`."""
    if size < len(MAGIC) + TRAILER_BYTES:
        raise BadLogFile("It is too short to be a log file.")
    trailer = read(size - TRAILER_BYTES, TRAILER_BYTES)
    if len(trailer) != TRAILER_BYTES:
        raise BadLogFile("It ends before its end.")
    offset, length, crc, magic = _TRAILER.unpack(trailer)
    if magic != MAGIC or length > MAX_INDEX or offset + length + TRAILER_BYTES != size:
        raise BadLogFile("It is no log file, or its end is missing.")
    data = read(offset, length)
    if len(data) != length or zlib.crc32(data) != crc:
        raise BadLogFile("Its index is damaged.")
    return _from_json(data, offset)


def read_block(read: Read, block: Block) -> Chunk:
    """The chunk of a block. Raises `BadLogFile`."""
    try:
        chunk = from_bytes(read(block.offset, block.length))
    except BadChunk as error:
        raise BadLogFile(f"Lines from {block.first_seq} are damaged.") from error
    if (chunk.first_seq, chunk.lines, chunk.crc) != (block.first_seq, block.lines, block.crc):
        raise BadLogFile(f"Lines from {block.first_seq} are not those of the index.")
    return chunk


def verify(read: Read, size: int) -> LogIndex:
    """Reads a whole file and compares every line with its check sums. Raises `BadLogFile`."""
    index = read_index(read, size)
    digest, count, at = hashlib.sha256(), 0, 0
    gaps: list[tuple[int, int]] = []
    for block in index.blocks:
        if block.first_seq != at:
            gaps.append((at, block.first_seq - 1))
        try:
            runs = unpack(read_block(read, block))
        except BadChunk as error:
            raise BadLogFile(f"Lines {block.first_seq} to {block.next_seq - 1}: {error}") from error
        for run in runs:
            digest.update(run.data)
            count += len(run.data)
        at = block.next_seq
    if at != index.lines:
        gaps.append((at, index.lines - 1))
    if tuple(gaps) != index.gaps:
        raise BadLogFile("Its gaps are not those that it declares.")
    if (count, digest.hexdigest()) != (index.bytes, index.sha256):
        raise BadLogFile("Its content is not what was written: the check sum differs.")
    return index


def _to_json(index: LogIndex) -> bytes:
    blocks = [list(vars(block).values()) for block in index.blocks]
    return json.dumps({**vars(index), "blocks": blocks}, separators=(",", ":")).encode()


def _from_json(data: bytes, end: int) -> LogIndex:
    inflater = zlib.decompressobj()
    try:
        raw = json.loads(inflater.decompress(data, MAX_INDEX_RAW))
        index = LogIndex(
            int(raw["lines"]),
            int(raw["bytes"]),
            str(raw["sha256"]),
            tuple((int(first), int(last)) for first, last in raw["gaps"]),
            tuple(Block(*one) for one in raw["blocks"]),
        )
    except (zlib.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadLogFile("Its index cannot be read.") from error
    if not _fits(index, end):
        raise BadLogFile("Its index does not fit the file.")
    return index


def _fits(index: LogIndex, end: int) -> bool:
    """Blocks in order, one after the other, none beyond where the index begins."""
    offset, at = len(MAGIC), 0
    for block in index.blocks:
        numbers = (block.first_seq, block.lines, block.offset, block.length, block.crc, block.time)
        if any(type(number) is not int for number in numbers):
            return False
        if block.offset != offset or block.length <= HEADER_BYTES or block.first_seq < at or block.lines < 1:
            return False
        offset, at = offset + block.length, block.next_seq
    return offset == end and at <= index.lines
