"""JSON in values, as leniently as the reference reads it, and back to text.

Also read are names without quotes, quotes of one kind or the other, comments, a comma too
many at the end, and the numbers of JavaScript.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from domain.octostache.numbers import double_text

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

DEEPEST_JSON = 64
"""Levels of objects and arrays; deeper documents are not read."""

LONGEST_NUMBER = 400
"""Characters of a number."""

_SKIP = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*+", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"|\'((?:[^\'\\]|\\.)*+)\'', re.DOTALL)
_WORD = re.compile(r"[A-Za-z_$][\w$-]*+")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9A-Fa-f]+|\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?|\.\d+(?:[eE][+-]?\d{1,3})?)"
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_NAMED: dict[str, Json] = {
    "true": True, "false": False, "null": None, "undefined": None,
    "NaN": float("nan"), "Infinity": float("inf"),
}  # fmt: skip
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{1,7})?Z?")


class NotJson(ValueError):
    """The text is no JSON object and no JSON array."""


def document(text: str) -> dict[str, Json] | list[Json] | None:
    """The object or array that a text is, None for anything else."""
    if not text.lstrip(" \t\r\n").startswith(("{", "[", "/")):
        return None
    return _kept(text) if len(text) <= 65_536 else _document(text)


@lru_cache(maxsize=32)
def _kept(text: str) -> dict[str, Json] | list[Json] | None:
    return _document(text)


def _document(text: str) -> dict[str, Json] | list[Json] | None:
    try:
        found = _strict(text)
    except (ValueError, RecursionError):
        try:
            found = _Lenient(text).document()
        except ValueError:
            return None
    return found if isinstance(found, dict | list) else None


def _strict(text: str) -> Json:
    # Deep documents are for the lenient reader, which counts the levels.
    if text.count("{") + text.count("[") > DEEPEST_JSON and _depth(text) > DEEPEST_JSON:
        raise NotJson
    found: Json = json.loads(text)
    return found


def _depth(text: str) -> int:
    """At least how deep the brackets go; those within strings count as well."""
    deepest = depth = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def leaf_text(value: Json) -> str:
    """A value as text: what is null is empty, and true is True, as .NET writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, str):
        return _date_text(value)
    return compact(value) if isinstance(value, dict | list) else str(value)


def compact(value: Json) -> str:
    """JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _date_text(text: str) -> str:
    """The reference takes a string that looks like an ISO date for a date, and writes it its way."""
    found = _DATE.fullmatch(text) if 19 <= len(text) <= 28 else None
    return f"{found[2]}/{found[3]}/{found[1]} {found[4]}" if found else text


class _Lenient:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def document(self) -> Json:
        value = self._value(0)
        self._skip()
        if self.position != len(self.text):
            raise NotJson
        return value

    def _skip(self) -> None:
        if found := _SKIP.match(self.text, self.position):
            self.position = found.end()

    def _at(self) -> str:
        self._skip()
        return self.text[self.position : self.position + 1]

    def _value(self, depth: int) -> Json:
        sign = self._at()
        if depth > DEEPEST_JSON:
            raise NotJson
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._array(depth)
        if sign in ('"', "'"):
            return self._string()
        return self._scalar()

    def _object(self, depth: int) -> Json:
        found: dict[str, Json] = {}
        self.position += 1
        while self._at() != "}":
            name = self._string() if self._at() in ('"', "'") else self._name()
            self._take(":")
            found[name] = self._value(depth + 1)
            self._comma("}")
        self.position += 1
        return found

    def _array(self, depth: int) -> Json:
        found: list[Json] = []
        self.position += 1
        while self._at() != "]":
            found.append(self._value(depth + 1))
            self._comma("]")
        self.position += 1
        return found

    def _comma(self, end: str) -> None:
        if self._at() != end:
            self._take(",")

    def _take(self, sign: str) -> None:
        if self._at() != sign:
            raise NotJson
        self.position += 1

    def _name(self) -> str:
        return self._match(_WORD if not self._at().isdigit() else re.compile(r"\w++"))[0]

    def _string(self) -> str:
        found = self._match(_STRING)
        inner = found[1] if found[1] is not None else found[2]
        return _ESCAPE.sub(_unescaped, inner)

    def _scalar(self) -> Json:
        if word := _WORD.match(self.text, self.position):
            self.position = word.end()
            if word[0] not in _NAMED:
                raise NotJson
            return _NAMED[word[0]]
        number = self._match(_NUMBER)[0]
        if len(number) > LONGEST_NUMBER:
            raise NotJson
        if "x" in number.lower():
            return int(number, 16)
        return float(number) if set(number) & set(".eE") else int(number)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.position)
        if not found:
            raise NotJson
        self.position = found.end()
        return found


def _unescaped(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) == 5 else _ESCAPES.get(sign, sign)
