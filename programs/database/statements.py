"""Splits SQL into what is sent at a time, as each database's own command-line client does.

A semicolon ends a statement except inside of quotes, comments, PostgreSQL's parentheses and bodies of
`CREATE FUNCTION ... BEGIN ATOMIC`, and SQLite's triggers. A MySQL script chooses another end by `DELIMITER`,
and one for SQL Server is sent in batches, each up to a line with `GO`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from programs.database.lexing import MYSQL, POSTGRESQL, SQL_SERVER, SQLITE, Piece, line_at, pieces
from programs.kit.given import Failed

_DELIMITER = re.compile(r"delimiter[ \t]+(\S+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_GO = re.compile(r"go(?:[ \t]+(\d+))?[ \t]*;?[ \t]*\r?(?:--[^\n]*)?$", re.IGNORECASE | re.MULTILINE)
_MOST_REPEATS = 1000
_ROUTINE = re.compile(r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """`line` is where it begins in the script, from 1; it is run `times` times."""

    text: str
    line: int
    times: int = 1


def split(script: str, kind: str) -> list[Statement]:
    """The statements that have something in them. Raises `Failed` for a quote or a comment without an end."""
    splitter = _Splitter(script, kind)
    found = []
    for start, end, times in splitter.spans():
        found.append(Statement(script[start:end].strip(), line_at(script, start), times))
    return found


class _Splitter:
    """Goes through a script once. `_start` is where the statement begins that it is in; None before it."""

    def __init__(self, script: str, kind: str) -> None:
        self._script = script
        self._kind = kind
        self._end = ";"
        self._start: int | None = None
        self._skip_to = 0
        self._depth = 0

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """Start, end and number of times of each statement."""
        for piece in pieces(self._script, self._kind):
            if piece.start < self._skip_to:
                continue
            times = self._times_if_end(piece)
            if times is None:
                self._take(piece)
                continue
            if self._start is not None and times:
                yield self._start, piece.start, times
            self._start, self._depth = None, 0
        if self._start is not None:
            yield self._start, len(self._script), 1

    def _take(self, piece: Piece) -> None:
        if self._start is None and not piece.is_empty:
            self._start = piece.start
        if self._kind == POSTGRESQL:
            self._depth += self._deeper(piece)

    def _deeper(self, piece: Piece) -> int:
        text = self._script[piece.start : piece.end].lower()
        if piece.kind == "other":
            return {"(": 1, ")": -1 if self._depth else 0}.get(text, 0)
        if piece.kind != "word" or self._start is None or not _ROUTINE.match(self._script, self._start):
            return 0
        inside = 1 if self._depth else 0
        return {"begin": 1, "case": inside, "end": -inside}.get(text, 0)

    def _times_if_end(self, piece: Piece) -> int | None:
        """How often to run what ends here; None where nothing ends."""
        if self._kind == SQL_SERVER:
            return self._go(piece)
        if self._kind == MYSQL and (found := self._command(piece, _DELIMITER)):
            self._end, self._skip_to = found[1], found.end()
            return 1
        if piece.is_empty or piece.kind == "quoted" or self._depth:
            return None
        if not self._script.startswith(self._end, piece.start) or not self._is_whole(piece.start):
            return None
        self._skip_to = piece.start + len(self._end)
        return 1

    def _go(self, piece: Piece) -> int | None:
        found = self._command(piece, _GO)
        if found is None:
            return None
        self._skip_to = found.end()
        times = int((found[1] or "1")[:9])
        if times > _MOST_REPEATS:
            line = line_at(self._script, piece.start)
            raise Failed(f"GO in line {line} runs its batch {times} times; the most is {_MOST_REPEATS}.")
        return times

    def _command(self, piece: Piece, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """A line of its own that tells the client something."""
        before = self._script[self._script.rfind("\n", 0, piece.start) + 1 : piece.start]
        return None if piece.kind != "word" or before.strip() else pattern.match(self._script, piece.start)

    def _is_whole(self, end: int) -> bool:
        """SQLite itself knows where a trigger ends."""
        if self._kind != SQLITE or self._start is None:
            return True
        return sqlite3.complete_statement(f"{self._script[self._start : end]};")


def bind(text: str, kind: str, names: Iterable[str], style: str) -> tuple[str, list[str]]:
    """The statement with each `:name` outside of quotes and comments as the driver writes a parameter, and
    the names in the order in which they come. `style` is the driver's `paramstyle`."""
    known, used, result = set(names), list[str](), list[str]()
    colons = 0
    for piece in pieces(text, kind):
        part = text[piece.start : piece.end]
        # Two colons are a cast.
        if colons == 1 and piece.kind == "word" and part in known:
            used.append(part)
            result[-1] = _placeholder(part, style)
        else:
            result.append(part.replace("%", "%%") if style in ("pyformat", "format") else part)
        colons = colons + 1 if part == ":" else 0
    return "".join(result), used


def _placeholder(name: str, style: str) -> str:
    return {"pyformat": f"%({name})s", "format": "%s", "named": f":{name}"}.get(style, "?")
