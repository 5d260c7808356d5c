"""Many variables from one text: lines of NAME=value, a JSON object, or CSV."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from domain.variables import validate_name

MOST = 1000
"""Variables of one text."""
_LONGEST_NAME = 200

_LINE = re.compile(r"(?:export\s+)?(?P<name>[^=]+?)\s*=\s*(?P<value>.*)", re.DOTALL)
_HEADS = ("name", "value", "description")


class CannotRead(ValueError):
    """The text is in none of the forms; the message says what is wrong with the one that it seems to be."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """One value, and the reason why it cannot be added, if there is one."""

    name: str
    value: str
    description: str = ""
    problem: str = ""


def parse(text: str) -> tuple[Pasted, ...]:
    """What the text holds, in its order. Raises CannotRead.

    A text that begins with { or [ is JSON, one whose first line names the columns name and value is CSV, and
    any other has a NAME=value on each line, as files of environment variables do: empty lines and those that
    begin with # are left out, quotes around a value are taken off.
    """
    stripped = text.strip().removeprefix("\ufeff").strip()
    if not stripped:
        raise CannotRead("There is nothing to read.")
    found = list(_read(stripped))
    if len(found) > MOST:
        raise CannotRead(f"These are {len(found):,} variables. Paste at most {MOST:,} at once.")
    return tuple(found)


def _read(text: str) -> Iterator[Pasted]:
    if text[0] in "{[":
        return _json(text)
    heads = [head.strip().casefold() for head in next(csv.reader([text.splitlines()[0]]), [])]
    return _csv(text) if {"name", "value"} <= set(heads) else _lines(text)


def _json(text: str) -> Iterator[Pasted]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise CannotRead(f"This begins like JSON and is none: something is wrong{where}.") from error
    if isinstance(data, dict):
        return (_pasted(name, _text(value)) for name, value in data.items())
    return map(_entry, data)


def _entry(entry: Any) -> Pasted:
    """An element of a list, as APIs give variables: {"Name": …, "Value": …, "Description": …}."""
    if not isinstance(entry, dict):
        raise CannotRead('A list has to hold objects such as {"Name": "Host", "Value": "db"}.')
    fields = {str(key).casefold(): _text(value) for key, value in entry.items()}
    return _pasted(*(fields.get(head, "") for head in _HEADS))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv(text: str) -> Iterator[Pasted]:
    reader = csv.reader(StringIO(text))
    heads = [head.strip().casefold() for head in next(reader)]
    try:
        for cells in reader:
            if any(cells):
                fields = dict(zip(heads, cells, strict=False))
                yield _pasted(*(fields.get(head, "") for head in _HEADS))
    except csv.Error as error:
        raise CannotRead(f"Line {reader.line_num} of this CSV cannot be read: {error}.") from error


def _lines(text: str) -> Iterator[Pasted]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            yield Pasted(line[:_LONGEST_NAME], "", problem=f"Line {number} has no NAME=value.")
        else:
            yield _pasted(match["name"], _unquoted(match["value"]))


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _pasted(name: str, value: str, description: str = "") -> Pasted:
    name = name.strip()
    problem = validate_name(name) or ""
    if len(name) > _LONGEST_NAME:
        problem = f"A name has at most {_LONGEST_NAME} characters."
    if "\0" in value or "\0" in description:
        problem = "A value cannot hold a NUL."
    return Pasted(name, value, description, problem)
