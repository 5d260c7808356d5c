"""From blocks of a pipe to numbered runs of lines in chunks, without taking single lines in hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from agent.outputs import OutputReader, Outputs
from agent.spool import SpoolWriter
from protocol import log
from protocol.log import MAX_LINE, Level, Run, Stream
from protocol.masking import Masker, Patterns
from protocol.service_messages import Levels

#: Bytes of a chunk at which it is written without waiting for the clock.
CHUNK_BYTES = 256 * 1024

#: Default limit of an attempt's spool on the disk, in bytes.
SPOOL_BYTES = 2 * 1024 * 1024 * 1024

#: Milliseconds within which lines share one time.
_SAME_TIME = 5

_PIECE_BYTES = 128 * 1024
_LONGEST_CHARACTER = 4
_CONTINUATION, _CONTINUATION_MASK = 0x80, 0xC0


class LineCutter:
    """Cuts a stream where lines end, and lines that are too long into unterminated parts."""

    def __init__(self) -> None:
        self._tail = b""
        self._open = False

    @property
    def waiting(self) -> bool:
        """Whether a line has begun that is not given out yet."""
        return bool(self._tail)

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Pieces that end with their line, or at MAX_LINE; each with whether it goes on with a line."""
        buffer = self._tail + data if self._tail else data
        ends = list(_ends(buffer))
        done = ends[-1] if ends else 0
        self._tail = buffer[done:]
        starts = [0, *ends[:-1]]
        return [self._piece(buffer[start:end]) for start, end in zip(starts, ends)]

    def flush(self) -> list[tuple[bytes, bool]]:
        """The line that has begun, as it is by now."""
        tail, self._tail = self._tail, b""
        return [self._piece(tail)] if tail else []

    def _piece(self, data: bytes) -> tuple[bytes, bool]:
        continues, self._open = self._open, not data.endswith(b"\n")
        return data, continues


def _ends(buffer: bytes) -> Iterator[int]:
    """Where to cut: after whole lines, at least every _PIECE_BYTES, and inside of too long lines."""
    start = position = 0
    while len(buffer) - position > MAX_LINE:
        line_feed = buffer.rfind(b"\n", position, position + MAX_LINE)
        if line_feed < 0:
            if position > start:
                yield position
            start = position = _character_end(buffer, position + MAX_LINE)
            yield position
            continue
        position = line_feed + 1
        if position - start >= _PIECE_BYTES:
            start = position
            yield position
    position = max(buffer.rfind(b"\n", position) + 1, position)
    if position > start:
        yield position


def _character_end(buffer: bytes, index: int) -> int:
    """The index, or up to three less where it would split a UTF-8 character."""
    for back in range(_LONGEST_CHARACTER):
        if buffer[index - back] & _CONTINUATION_MASK != _CONTINUATION:
            return index - back
    return index


class Recorder:
    """Packs runs into chunks of the spool, and keeps count of what is in there.

    After `limit` bytes of spool the rest is counted and left out; `close` says so in the log.
    """

    def __init__(self, spool: SpoolWriter, *, limit: int = SPOOL_BYTES) -> None:
        self._spool = spool
        self._limit = limit
        self._runs: list[Run] = []
        self._size = 0
        self._digest = hashlib.sha256()
        self._left_out = [0, 0]
        self.lines = 0
        self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def waiting(self) -> bool:
        return bool(self._runs)

    def add(self, run: Run) -> None:
        if self._spool.size >= self._limit:
            self._left_out[0] += run.lines
            self._left_out[1] += len(run.data)
            return
        cost = len(run.data) + log.RUN_BYTES
        if self._size + cost > CHUNK_BYTES:
            self.flush()
        if self._runs and _alike(self._runs[-1], run):
            last = self._runs.pop()
            run = Run(last.time, run.stream, run.level, last.data + run.data, last.continues)
        self._runs.append(run)
        self._size += cost

    def flush(self) -> None:
        """Write what has come so far as a chunk."""
        if not self._runs:
            return
        chunk = log.pack(self.lines, self._runs)
        for run in self._runs:
            self._digest.update(run.data)
            self.bytes += len(run.data)
        self.lines = chunk.next_seq
        self._runs, self._size = [], 0
        self._spool.append(chunk)

    def say(self, text: str, *, time: int, level: Level = Level.WARNING) -> None:
        """A line of the agent's own, also beyond the limit."""
        self._runs.append(Run(time, Stream.AGENT, level, text.encode() + b"\n"))
        self.flush()

    def close(self, *, time: int) -> None:
        self.flush()
        lines, size = self._left_out
        if lines:
            self.say(
                f"The log reached its limit of {self._limit:,} bytes on this worker: "
                f"{lines:,} further lines ({size:,} bytes) were left out.",
                time=time,
            )


def _alike(last: Run, run: Run) -> bool:
    return (
        last.stream is run.stream
        and last.level is run.level
        and not run.continues
        and run.time - last.time <= _SAME_TIME
        and last.data.endswith(b"\n")
    )


class StreamRecorder:
    """One stream of a script: output variables taken out, masked, cut into lines, given levels, recorded."""

    def __init__(
        self, stream: Stream, *, outputs: Outputs, patterns: Patterns, levels: Levels, recorder: Recorder
    ) -> None:
        self._stream = stream
        self._outputs = outputs
        self._reader = OutputReader(outputs)
        self._masker = Masker(patterns)
        self._cutter = LineCutter()
        self._levels = levels
        self._recorder = recorder

    @property
    def waiting(self) -> bool:
        """Whether a line has begun that is not recorded yet."""
        return self._cutter.waiting or self._reader.waiting

    def feed(self, data: bytes, *, time: int) -> bool:
        """`time` in milliseconds since the epoch. Whether something of it is recorded by now."""
        pieces = self._cutter.feed(self._masker.feed(self._reader.feed(data)))
        self._record(pieces, time=time)
        return bool(pieces)

    def flush_line(self, *, time: int) -> None:
        """Record the line that has begun without waiting for its end."""
        pieces = self._cutter.feed(self._masker.feed(self._reader.flush()))
        self._record(pieces + self._cutter.flush(), time=time)

    def close(self, *, time: int) -> None:
        rest = self._masker.feed(self._reader.close()) + self._masker.close()
        self._record(self._cutter.feed(rest) + self._cutter.flush(), time=time)

    def _record(self, pieces: list[tuple[bytes, bool]], *, time: int) -> None:
        self._record_pieces(pieces, time=time)
        for text in self._outputs.remarks():
            self._recorder.say(text, time=time)

    def _record_pieces(self, pieces: list[tuple[bytes, bool]], *, time: int) -> None:
        for data, continues in pieces:
            goes_on = continues
            for level, part in self._levels.split(self._stream, data, continues=continues):
                self._recorder.add(Run(time, self._stream, level, part, goes_on))
                goes_on = False
