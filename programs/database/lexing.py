"""Cuts SQL into words, quotes and comments, in the dialects of the four databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from programs.kit.given import Failed

POSTGRESQL, MYSQL, SQL_SERVER, SQLITE = "PostgreSQL", "MySQL", "SqlServer", "SQLite"

_NESTING = (POSTGRESQL, SQL_SERVER)
_PLAIN = r"'[^']*(?:''[^']*)*'"
_DOUBLE = r'"[^"]*(?:""[^"]*)*"'
_ESCAPED = r"'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'"
_ESCAPED_DOUBLE = r'"[^"\\]*(?:(?:""|\\.)[^"\\]*)*"'
_BACKTICKS = r"`[^`]*(?:``[^`]*)*`"
_BRACKETS = r"\[[^\]]*(?:\]\][^\]]*)*\]"
_QUOTES = {
    POSTGRESQL: [f"[eE]{_ESCAPED}", _PLAIN, _DOUBLE],
    MYSQL: [_ESCAPED, _ESCAPED_DOUBLE, _BACKTICKS],
    SQL_SERVER: [_PLAIN, _DOUBLE, _BRACKETS],
    SQLITE: [_PLAIN, _DOUBLE, _BACKTICKS, _BRACKETS],
}
_OPENERS = {POSTGRESQL: "'\"", MYSQL: "'\"`", SQL_SERVER: "'\"\\[", SQLITE: "'\"`\\["}
#: In MySQL two dashes and anything but a space are an arithmetic expression.
_DASHES = r"--[^\n]*"
_LINES = {MYSQL: r"--(?=\s|\Z)[^\n]*|\#[^\n]*"}
_WORD = r"[^\W\d]\w*"
#: Elsewhere a dollar may be part of what ends a statement.
_WORDS = {POSTGRESQL: r"[^\W\d][\w$]*"}
_DOLLARS = {POSTGRESQL: r"\$(?:[^\W\d]\w*)?\$"}


def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<comment>{_LINES.get(kind, _DASHES)})|(?P<block>/\*)|(?P<quoted>{'|'.join(_QUOTES[kind])})"
        rf"|(?P<open>[{_OPENERS[kind]}])|(?P<dollar>{_DOLLARS.get(kind, '(?!)')})"
        rf"|(?P<word>{_WORDS.get(kind, _WORD)})|(?P<space>\s+)|(?P<other>.)",
        re.DOTALL,
    )


_PATTERNS = {kind: _pattern(kind) for kind in _QUOTES}
_BLOCK_MARKS = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Piece:
    """`kind` is "word", "other" (one character), "space", "quoted" or "comment"; from `start` to `end`."""

    kind: str
    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        return self.kind in ("space", "comment")


def pieces(script: str, kind: str) -> Iterator[Piece]:
    """All of the script, in order. Raises `Failed` for a quote or a comment without an end."""
    at = 0
    while at < len(script):
        match = _PATTERNS[kind].match(script, at)
        group = match.lastgroup if match else None
        if match is None or group == "open":
            raise _no_end("quote", script, at)
        if group == "block":
            piece = _comment(script, kind, at)
        elif group == "dollar":
            piece = _dollar(script, match)
        else:
            piece = Piece(group or "other", at, match.end())
        yield piece
        at = piece.end


def line_at(script: str, at: int) -> int:
    """The number of the line, from 1."""
    return script.count("\n", 0, at) + 1


def _comment(script: str, kind: str, at: int) -> Piece:
    depth = 0
    for mark in _BLOCK_MARKS.finditer(script, at):
        if mark[0] == "*/":
            depth -= 1
        elif depth == 0 or kind in _NESTING:
            depth += 1
        if depth == 0:
            # MySQL runs what is in /*! ... */.
            is_code = kind == MYSQL and script.startswith("/*!", at)
            return Piece("quoted" if is_code else "comment", at, mark.end())
    raise _no_end("comment", script, at)


def _dollar(script: str, opening: re.Match[str]) -> Piece:
    end = script.find(opening[0], opening.end())
    if end < 0:
        raise _no_end("quote", script, opening.start())
    return Piece("quoted", opening.start(), end + len(opening[0]))


def _no_end(noun: str, script: str, at: int) -> Failed:
    return Failed(
        f"The {noun} that begins in line {line_at(script, at)} of the SQL does not end. Nothing was run."
    )
