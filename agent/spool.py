"""The spool: an attempt's log chunks in a file, each after its length (4 bytes, big-endian).

The shim appends, the agent reads behind it. Nothing is removed until the server has settled the
attempt, so that any part of the log can be sent again.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

from protocol import log

_LENGTH = struct.Struct(">I")
#: No chunk is longer; a larger length means that the file is damaged.
_LONGEST = 4 * log.MAX_CHUNK_RAW
_BEYOND = 1 << 63


class SpoolWriter:
    """Appends chunks. What does not fit on the disk waits in memory until `retry` gets it out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._waiting = b""
        self.size = 0

    @property
    def blocked(self) -> bool:
        return bool(self._waiting)

    def append(self, chunk: log.Chunk) -> None:
        data = log.to_bytes(chunk)
        record = _LENGTH.pack(len(data)) + data
        self.size += len(record)
        self._waiting += record
        self.retry()

    def retry(self) -> None:
        """Write what waits, as far as the disk takes it."""
        try:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            while self._waiting:
                self._waiting = self._waiting[os.write(self._descriptor, self._waiting) :]
        except OSError:
            # Full disk, quota, I/O error: all of them may pass, and none may cost a line.
            return

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class SpoolReader:
    """Reads chunks in order, from any line on; an unfinished record at the end is not there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._offset = 0
        #: Number of the line after the last chunk that was passed.
        self.next_seq = 0
        #: The line from which on the file is damaged.
        self.end: int | None = None

    def read(self) -> log.Chunk | None:
        """The next chunk, or None while there is none."""
        found = None if self.next_seq == self.end else self._record()
        if found is None:
            return None
        chunk, self._offset = found
        self.next_seq = chunk.next_seq
        return chunk

    def seek(self, seq: int) -> None:
        """Go to the chunk that holds line `seq`, or to the end."""
        if seq < self.next_seq:
            self._offset = self.next_seq = 0
        while True:
            found = self._record(header_only=True)
            if found is None or found[0].next_seq > seq:
                return
            self.next_seq, self._offset = found[0].next_seq, found[1]

    @property
    def offset(self) -> int:
        """Bytes of the file that were passed."""
        return self._offset

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _record(self, *, header_only: bool = False) -> tuple[log.Chunk, int] | None:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
        prefix = os.pread(self._descriptor, _LENGTH.size, self._offset)
        if len(prefix) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(prefix)
        start = self._offset + _LENGTH.size
        return self._chunk(start, length, header_only=header_only)

    def _chunk(self, start: int, length: int, *, header_only: bool) -> tuple[log.Chunk, int] | None:
        descriptor = self._descriptor
        if descriptor is None or length > _LONGEST or os.fstat(descriptor).st_size < start + length:
            return None
        wanted = log.HEADER_BYTES if header_only else length
        try:
            return log.from_bytes(os.pread(descriptor, wanted, start)), start + length
        except log.BadChunk:
            return None


def cut(path: Path, lines: int) -> None:
    """Leave of a spool no more than its first lines. Raises OSError."""
    if not path.exists():
        return
    reader = SpoolReader(path)
    try:
        reader.seek(lines)
        os.truncate(path, reader.offset)
    finally:
        reader.close()


def count_lines(path: Path) -> int:
    """Lines in a spool."""
    reader = SpoolReader(path)
    try:
        reader.seek(_BEYOND)
        return reader.next_seq
    finally:
        reader.close()


def summarise(path: Path) -> tuple[int, int, str]:
    """Lines, bytes and sha256 (hex) of a spool's content, as far as it is whole."""
    reader, lines, size, digest = SpoolReader(path), 0, 0, hashlib.sha256()
    try:
        while True:
            chunk = reader.read()
            if chunk is None:
                return lines, size, digest.hexdigest()
            for run in log.unpack(chunk):
                digest.update(run.data)
                size += len(run.data)
            lines = chunk.next_seq
    except log.BadChunk:
        return lines, size, digest.hexdigest()
    finally:
        reader.close()
