"""Match and Replace: regular expressions of .NET, by the library `regex`, within a limit of time.

A pattern that backtracks for long is given up and its token echoed; all patterns of one evaluation
share one second.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from domain.octostache.filters.calls import Filter, Inputs, Refused, check_count
from domain.octostache.filters.comparing import said

try:
    import regex  # type: ignore[import-untyped]
except ImportError:  # On a worker, which has nothing but Python: patterns have no limit of time there.
    regex = None

LONGEST_PATTERN = 2_000
"""Characters of a regular expression."""

# What the library has and .NET has not, or means otherwise.
_FOREIGN = re.compile(r"\(\?(?:P|R|&|\||\+|-?\d|\(DEFINE)|\\[KLmMXNRhHU]|\(\*|\[\[:")
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\{(?!\d+(?:,\d*)?\})|.", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:(\d{1,9})|\{(\w+)\}|([$&`'+_]))", re.ASCII)
_GROUP = re.compile(r"\((?!\?)|\(\?(?:<(?![=!])|')")

_Pattern = Any
_Found = Any
_Result = TypeVar("_Result")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> _Pattern:
    if len(pattern) > LONGEST_PATTERN:
        raise Refused(f"the pattern has more than {LONGEST_PATTERN:,} characters")
    if _FOREIGN.search(pattern):
        raise Refused("the pattern is not one of .NET's")
    try:
        return _ENGINE.compile("".join(map(_translated, _PIECE.findall(pattern))))
    except (_ENGINE.error, RecursionError, OverflowError, ValueError) as error:
        raise Refused(f"the pattern is not valid ({str(error)[:80]})") from None


_ENGINE: Any = regex or re


def _limited(limit: float) -> dict[str, float]:
    return {"timeout": limit} if regex is not None else {}


def _translated(piece: str) -> str:
    if piece == "{":
        return r"\{"
    return {r"\z": r"\Z", r"\Z": r"(?=\n?\Z)"}.get(piece, piece)


def _within_limit(inputs: Inputs, work: Callable[[float], _Result]) -> _Result:
    started = time.monotonic()
    try:
        if inputs.regex_seconds <= 0:
            raise TimeoutError
        return work(inputs.regex_seconds)
    except TimeoutError:
        raise Refused("the patterns take longer than a second") from None
    finally:
        inputs.regex_seconds -= time.monotonic() - started


def _match(text: str | None, options: list[str], inputs: Inputs) -> str | None:
    check_count(options, 1, 1)
    if text is None:
        return None
    pattern = _compiled(options[0])
    return _within_limit(inputs, lambda limit: said(pattern.search(text, **_limited(limit)) is not None))


def _replace(text: str | None, options: list[str], inputs: Inputs) -> str | None:
    check_count(options, 1, 2)
    if text is None:
        return None
    pattern = _compiled(options[0])
    replacement = _Replacement(options[1] if len(options) > 1 else "", pattern)
    return _within_limit(inputs, lambda limit: _replaced(text, pattern, replacement, inputs, limit))


def _replaced(text: str, pattern: _Pattern, replacement: _Replacement, inputs: Inputs, limit: float) -> str:
    parts, done, size = [], 0, 0
    until = time.monotonic() + limit
    for found in pattern.finditer(text, **_limited(limit)):
        new = replacement.text(found)
        parts += [text[done : found.start()], new]
        size += found.start() - done + len(new)
        done = found.end()
        inputs.check_size(size)
        if time.monotonic() > until:
            raise TimeoutError
    return "".join(parts) + text[done:]


class _Replacement:
    """What stands in place of a match, with $1, ${name}, $$, $&, $`, $', $+ and $_."""

    def __init__(self, template: str, pattern: _Pattern) -> None:
        self.numbers = list(_numbered(pattern))
        self.names: dict[str, int] = dict(pattern.groupindex)
        self.pieces: list[str | re.Match[str]] = []
        done = 0
        for found in _REFERENCE.finditer(template):
            self.pieces += [template[done : found.start()], found]
            done = found.end()
        self.pieces.append(template[done:])

    def text(self, found: _Found) -> str:
        return "".join(one if isinstance(one, str) else self._piece(one, found) for one in self.pieces)

    def _piece(self, piece: re.Match[str], found: _Found) -> str:
        if piece[3]:
            return self._sign(piece[3], found)
        name = piece[1] or piece[2]
        if name in self.names:
            return found[self.names[name]] or ""
        if name.isdigit() and int(name) < len(self.numbers):
            return found[self.numbers[int(name)]] or ""
        return piece[0]

    def _sign(self, sign: str, found: _Found) -> str:
        if sign == "$":
            return "$"
        if sign == "+":
            return found[self.numbers[-1]] or ""
        whole: str = found.string
        return {"&": found[0], "`": whole[: found.start()], "'": whole[found.end() :], "_": whole}[sign] or ""


def _numbered(pattern: _Pattern) -> Iterator[int]:
    """The library's number of each group in .NET's order: the whole, those without a name, the others."""
    named = set(pattern.groupindex.values())
    yield 0
    yield from (number for number in range(1, pattern.groups + 1) if number not in named)
    yield from sorted(named)


FILTERS: dict[str, Filter] = {"Match": _match, "Replace": _replace}
