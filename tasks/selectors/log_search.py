"""Searching whole logs: chunk after chunk, in time that grows with the log and never with the pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic

import re2

from protocol.log import Level, Run
from tasks.models import Attempt
from tasks.selectors.log_chunks import numbered_runs

#: Characters of what is searched for.
MAX_PATTERN = 500
#: Places that are told for one attempt; the others are counted.
MAX_HITS = 10_000
#: Seconds after which a search says how far it got.
TIME_LIMIT = 5.0

#: Levels as the viewer names them, each with the levels of the protocol.
LEVELS: dict[str, tuple[Level, ...]] = {
    "verbose": (Level.VERBOSE,),
    "info": (Level.INFO,),
    "highlight": (Level.HIGHLIGHT, Level.WAIT),
    "warning": (Level.WARNING,),
    "error": (Level.ERROR, Level.FATAL),
}


class BadPattern(ValueError):
    """What was searched for cannot be; the text is for people."""


@dataclass(frozen=True)
class Query:
    """`levels` are names of LEVELS; none means all."""

    text: str
    is_regex: bool = False
    is_case_sensitive: bool = False
    levels: frozenset[str] = frozenset()


@dataclass
class Found:
    """`count` matching lines of a log, the first MAX_HITS of them by number (from 0)."""

    attempt: Attempt
    count: int = 0
    hits: list[int] = field(default_factory=list)


@dataclass
class Result:
    """`is_whole` is False where time was up; then the counts are those of what was searched."""

    found: list[Found]
    is_whole: bool
    seconds: float

    @property
    def count(self) -> int:
        return sum(one.count for one in self.found)


#: The numbers of the lines in a block that match, counted from its first one.
Matcher = Callable[[bytes], list[int]]


def matcher(query: Query) -> Matcher:
    """Raises `BadPattern`."""
    if not query.text or "\n" in query.text:
        raise BadPattern("Type something to search for, in one line.")
    if len(query.text) > MAX_PATTERN:
        raise BadPattern(f"That is longer than {MAX_PATTERN} characters.")
    if query.is_regex or not query.text.isascii():
        return _regex(query)
    return _plain(query.text.encode(), query.is_case_sensitive)


def search(attempts: list[Attempt], query: Query, *, seconds: float = TIME_LIMIT) -> Result:
    """Through all of these logs, in order. Raises `BadPattern`, `BadChunk` and `log_archives.LogGone`."""
    matches = matcher(query)
    wanted = {level for name in query.levels for level in LEVELS.get(name, ())}
    begun = monotonic()
    result = Result([], is_whole=True, seconds=0)
    for attempt in attempts:
        found = Found(attempt)
        result.found.append(found)
        for first, run in _runs(attempt):
            if monotonic() - begun > seconds:
                result.is_whole = False
                break
            if not wanted or run.level in wanted:
                _take(found, first, matches(_readable(run.data)))
    result.seconds = monotonic() - begun
    return result


def _runs(attempt: Attempt) -> Iterator[tuple[int, Run]]:
    for first, runs in numbered_runs(attempt.pk, end=attempt.log_lines):
        for run in runs:
            yield first, run
            first += run.lines


def _take(found: Found, first: int, lines: list[int]) -> None:
    found.count += len(lines)
    room = MAX_HITS - len(found.hits)
    if room > 0:
        found.hits += [first + line for line in lines[:room]]


_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|.?)|[\x07\x08]")


_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
#: Where the colours of a block are looked for, and how many different ones are taken out one by one.
_SAMPLE, _COLOURS = 4096, 16


def _readable(data: bytes) -> bytes:
    """Without colours and the carriage returns of line ends: as it is shown."""
    if b"\x1b" in data:
        data = _without_escapes(data)
    return data.replace(b"\r\n", b"\n") if b"\r\n" in data else data


def _without_escapes(data: bytes) -> bytes:
    """Most logs have few colours: those are taken out ten times faster than by a regular expression, where
    they are all that there is."""
    colours = set(_COLOUR.findall(data[:_SAMPLE]))
    if len(colours) > _COLOURS or b"\x07" in data or b"\x08" in data:
        return _ESCAPES.sub(b"", data)
    if sum(map(data.count, colours)) != data.count(b"\x1b"):
        return _ESCAPES.sub(b"", data)
    for colour in colours:
        data = data.replace(colour, b"")
    return data


def _plain(needle: bytes, is_case_sensitive: bool) -> Matcher:
    if not is_case_sensitive:
        needle = needle.lower()

    def matching(data: bytes) -> list[int]:
        text = data if is_case_sensitive else data.lower()
        if needle not in text:
            return []
        return [number for number, line in enumerate(text.split(b"\n")) if needle in line]

    return matching


def _regex(query: Query) -> Matcher:
    options = re2.Options()
    options.case_sensitive = query.is_case_sensitive
    options.log_errors = False
    options.never_nl = True
    pattern = query.text if query.is_regex else re2.escape(query.text)
    try:
        # What follows on the line is taken along, so that a line matches once.
        compiled = re2.compile(f"(?m)(?:{pattern})".encode(), options)
        whole = re2.compile(f"(?m)(?:{pattern})[^\\n]*".encode(), options)
    except re2.error as error:
        raise BadPattern(f"This is no regular expression that can be searched for: {_why(error)}") from error

    def matching(data: bytes) -> list[int]:
        if not compiled.search(data):
            return []
        numbers: list[int] = []
        line = at = 0
        for match in whole.finditer(data):
            start = match.start()
            if start == len(data) and data.endswith(b"\n"):
                break  # the end of the last line is not one more line
            line, at = line + data.count(b"\n", at, start), start
            if not numbers or numbers[-1] != line:
                numbers.append(line)
        return numbers

    return matching


def _why(error: Exception) -> str:
    words = error.args[0] if error.args else ""
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return f"{text}. Back-references and looking around are not supported."
