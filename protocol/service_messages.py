"""Service messages: lines of a script's output that say how loud the lines after them are.

`##octopus[stdout-highlight]` on either stream changes the level of the lines that follow on
standard output, `##octopus[stderr-default]` that of standard error. The message itself stays in the
log, as a verbose line, so that the log is byte for byte what the script wrote.

The names are those that Octopus Deploy's scripts use.
"""

from __future__ import annotations

import re

from protocol.log import Level, Stream

_STDOUT = {
    "default": Level.INFO,
    "verbose": Level.VERBOSE,
    "highlight": Level.HIGHLIGHT,
    "wait": Level.WAIT,
    "warning": Level.WARNING,
    "error": Level.ERROR,
    # Nothing that a script wrote is thrown away: what it wants ignored is folded instead.
    "ignore": Level.VERBOSE,
}
_LEVELS = {
    Stream.STDOUT: _STDOUT,
    Stream.STDERR: {**_STDOUT, "default": Level.ERROR, "progress": Level.VERBOSE},
}
_STREAMS = {b"stdout": Stream.STDOUT, b"stderr": Stream.STDERR}
_MARK = b"##octopus["
_MESSAGE = re.compile(rb"^##octopus\[(?:(stdout|stderr)-([a-z]+)\]|[^\n]*\])\r?$\n?", re.MULTILINE)


class Levels:
    """The levels that the streams of an attempt have at this moment."""

    def __init__(self) -> None:
        self._now = {Stream.STDOUT: Level.INFO, Stream.STDERR: Level.ERROR}
        #: Streams whose last line is a message so long that the rest of it is yet to come.
        self._cut = set[Stream]()

    def split(self, stream: Stream, data: bytes, *, continues: bool = False) -> list[tuple[Level, bytes]]:
        """Whole lines as pieces of one level each; `continues` if the first line began before `data`."""
        if _MARK not in data and stream not in self._cut:
            return [(self._now[stream], data)]
        pieces: list[tuple[Level, bytes]] = []
        done = self._end_of_cut(stream, data) if continues else 0
        self._add(pieces, Level.VERBOSE, data[:done])
        for match in _MESSAGE.finditer(data, done):
            if continues and not match.start():
                continue
            self._add(pieces, self._now[stream], data[done : match.start()])
            self._add(pieces, Level.VERBOSE, match.group())
            self._apply(match.group(1), match.group(2))
            done = match.end()
        begun = self._start_of_cut(stream, data, done, continues=continues)
        self._add(pieces, self._now[stream], data[done:begun])
        self._add(pieces, Level.VERBOSE, data[begun:])
        return pieces

    def _end_of_cut(self, stream: Stream, data: bytes) -> int:
        """Where the message ends that began before `data`; 0 if none did."""
        if stream not in self._cut:
            return 0
        return data.find(b"\n") + 1 or len(data)

    def _start_of_cut(self, stream: Stream, data: bytes, done: int, *, continues: bool) -> int:
        """Where a message begins that goes on after `data`; the end of `data` if none does."""
        begun = max(data.rfind(b"\n") + 1, done)
        goes_on = continues and not begun
        is_cut = data.startswith(_MARK, begun) and not goes_on
        still_cut = stream in self._cut and continues and b"\n" not in data
        (self._cut.add if is_cut or still_cut else self._cut.discard)(stream)
        return begun if is_cut else len(data)

    @staticmethod
    def _add(pieces: list[tuple[Level, bytes]], level: Level, data: bytes) -> None:
        if not data:
            return
        if pieces and pieces[-1][0] is level:
            data = pieces.pop()[1] + data
        pieces.append((level, data))

    def _apply(self, stream: bytes | None, name: bytes | None) -> None:
        if stream is None or name is None:
            return
        target = _STREAMS[stream]
        self._now[target] = _LEVELS[target].get(name.decode(), self._now[target])
