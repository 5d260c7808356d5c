"""What commands print: tables for people; JSON and YAML, complete, for programs."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Beyond any line; a table that goes into a pipe is not folded to the width of a screen.
WIDE = 10_000


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def out() -> Console:
    return _console(sys.stdout)


def err() -> Console:
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def show(found: Any, format: Format, columns: Sequence[tuple[str, str]]) -> None:
    """A list or one thing. `columns` are titles and members of a table."""
    if format is Format.JSON:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    elif format is Format.YAML:
        sys.stdout.write(as_yaml(found))
    elif isinstance(found, list):
        _rows(found, columns)
    else:
        _fields(found)


def as_yaml(found: Any) -> str:
    text: str = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=WIDE)
    return text


def _rows(found: Iterable[dict[str, Any]], columns: Sequence[tuple[str, str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, _ in columns:
        table.add_column(title)
    for row in found:
        table.add_row(*(Text(_cell(row.get(member))) for _, member in columns))
    out().print(table)


def _fields(found: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in found.items():
        if name != "Links" and value not in (None, "", [], {}):
            table.add_row(name, Text(_cell(value)))
    out().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        is_plain = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return plain(", ".join(value) if is_plain else json.dumps(value, ensure_ascii=False))
    return plain(str(value))


def plain(text: str) -> str:
    """Without what would steer the terminal; a tab stays."""
    return "".join(one for one in text if one in "\t\n" or unicodedata.category(one) != "Cc")


def say(text: str, style: str = "", *, to: Console | None = None) -> None:
    """A line for people, on standard error unless `to` says otherwise: standard output is for results."""
    (to or err()).print(Text(plain(text), style=style), soft_wrap=True)
