"""Results as tables of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

#: Characters of a value that a table shows.
WIDEST = 80


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns under their names; numbers on the right."""
    heads = [_short(name) for name in columns]
    cells = [[_short(text_of(value)) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(heads, *cells)]
    right = [_is_numeric([row[at] for row in rows]) for at in range(len(heads))]
    lines = [_line(heads, widths, right), "-+-".join("-" * width for width in widths)]
    return "\n".join([*lines, *(_line(row, widths, right) for row in cells)])


def text_of(value: Any) -> str:
    """A value as people read it, and as an output variable has it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"0x{bytes(value).hex()}"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _short(text: str) -> str:
    """On one line: what would break it, or act on a terminal, is written out."""
    line = "".join(
        character if character.isprintable() else _written(character) for character in text[:WIDEST]
    )
    return line if len(text) <= WIDEST else f"{line[: WIDEST - 1]}…"


def _written(character: str) -> str:
    return {"\n": "⏎", "\r": "", "\t": " "}.get(character, "·")


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, width, to_right in zip(cells, widths, right):
        space = " " * (width - _width(cell))
        padded.append(space + cell if to_right else cell + space)
    return " | ".join(padded).rstrip()


def _is_numeric(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        hasattr(value, "__abs__") and not isinstance(value, bool) and not hasattr(value, "total_seconds")
        for value in known
    )


def _width(text: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
