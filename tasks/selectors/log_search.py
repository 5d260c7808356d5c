"""Searching whole logs: block after block, in time that grows with the log and never with the pattern.

Nobody takes single lines in hand where nothing is found. While one block is searched, the next ones are
decompressed in a thread beside it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from time import monotonic

import re2

from protocol.log import Level, Run
from tasks.models import Attempt
from tasks.selectors.log_chunks import chunks_with_passed, runs_after

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


class Matcher(ABC):
    """What is searched for, in blocks of whole lines as they were written."""

    @abstractmethod
    def lines(self, data: bytes) -> list[int]:
        """The numbers of the lines that match, counted from the block's first one."""

    def count(self, data: bytes) -> int:
        """How many lines match."""
        return len(self.lines(data))


def matcher(query: Query) -> Matcher:
    """Raises `BadPattern`."""
    if not query.text or "\n" in query.text:
        raise BadPattern("Type something to search for, in one line.")
    if len(query.text) > MAX_PATTERN:
        raise BadPattern(f"That is longer than {MAX_PATTERN} characters.")
    if query.is_regex or not query.text.isascii():
        return _Pattern(query)
    return _Words(query.text.encode(), query.is_case_sensitive)


def search(attempts: list[Attempt], query: Query, *, seconds: float = TIME_LIMIT) -> Result:
    """Through all of these logs, in order. Raises `BadPattern`, `BadChunk` and `log_archives.LogGone`."""
    matches = matcher(query)
    wanted = frozenset(level for name in query.levels for level in LEVELS.get(name, ()))
    begun = monotonic()
    result = Result([], is_whole=True, seconds=0)
    for attempt in attempts:
        found = Found(attempt)
        result.found.append(found)
        for first, runs in _ahead(attempt):
            if monotonic() - begun > seconds:
                result.is_whole = False
                break
            for start, data in _blocks(first, runs, wanted):
                _take(found, start, data, matches)
    result.seconds = monotonic() - begun
    return result


#: Chunks that are decompressed before it is their turn.
_AHEAD = 4
_unpacking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-search")


def _ahead(attempt: Attempt) -> Iterator[tuple[int, list[Run]]]:
    """(number of the first line, runs) of each chunk."""
    waiting: deque[tuple[int, Future[list[Run]]]] = deque()
    for passed, chunk in chunks_with_passed(attempt.pk, end=attempt.log_lines):
        waiting.append((chunk.first_seq + passed, _unpacking.submit(runs_after, chunk, passed)))
        if len(waiting) > _AHEAD:
            first, unpacked = waiting.popleft()
            yield first, unpacked.result()
    for first, unpacked in waiting:
        yield first, unpacked.result()


def _blocks(first: int, runs: list[Run], wanted: frozenset[Level]) -> Iterator[tuple[int, bytes]]:
    """(number of the first line, content) of what has one of the wanted levels, or of everything."""
    for is_wanted, group in groupby(runs, key=lambda run: not wanted or run.level in wanted):
        together = list(group)
        if is_wanted:
            yield first, _joined(together)
        first += sum(run.lines for run in together)


def _joined(runs: list[Run]) -> bytes:
    """Each of their lines as a line, also one that was not ended."""
    if len(runs) == 1:
        return runs[0].data
    return b"".join(run.data if run.data.endswith(b"\n") else run.data + b"\n" for run in runs)


def _take(found: Found, first: int, data: bytes, matches: Matcher) -> None:
    room = MAX_HITS - len(found.hits)
    if room <= 0:
        found.count += matches.count(data)
        return
    lines = matches.lines(data)
    found.count += len(lines)
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


class _Words(Matcher):
    """Plain ASCII words."""

    def __init__(self, needle: bytes, is_case_sensitive: bool) -> None:
        self._folds = not is_case_sensitive
        self._needle = needle.lower() if self._folds else needle
        letters = [re2.escape(bytes([one])) for one in self._needle]
        # Wherever the words are once escapes are gone, this is in what was written. It is cheap, and where it
        # is not, nothing has to be taken out.
        between = rb"(?:[\x07\x08]|\x1b[^\n]*)*"
        self._maybe = re2.compile(between.join(letters), _options(latin=True, folds=self._folds))
        escaped = b"".join(letters)
        self._twice = re2.compile(escaped + rb"[^\n]*" + escaped, _options(latin=True))
        self._line = re.compile(re.escape(self._needle) + rb"[^\n]*")

    def lines(self, data: bytes) -> list[int]:
        text = self._text(data)
        return [number for number, line in enumerate(text.split(b"\n")) if self._needle in line]

    def count(self, data: bytes) -> int:
        text = self._text(data)
        if text and self._twice.search(text):
            return len(self._line.findall(text))
        return text.count(self._needle)

    def _text(self, data: bytes) -> bytes:
        """As it is compared; nothing where nothing would be found."""
        if not self._maybe.search(data):
            return b""
        text = _readable(data)
        return text.lower() if self._folds else text


class _Pattern(Matcher):
    def __init__(self, query: Query) -> None:
        pattern = query.text if query.is_regex else re2.escape(query.text)
        options = _options(folds=not query.is_case_sensitive)
        try:
            self._any = re2.compile(f"(?m)(?:{pattern})".encode(), options)
            # What follows on the line is taken along, so that a line matches once.
            self._whole = re2.compile(f"(?m)(?:{pattern})[^\\n]*".encode(), options)
        except re2.error as error:
            raise BadPattern(
                f"This is no regular expression that can be searched for: {_why(error)}"
            ) from error

    def lines(self, data: bytes) -> list[int]:
        text = _readable(data)
        if not self._any.search(text):
            return []
        numbers: list[int] = []
        line = at = 0
        for match in self._whole.finditer(text):
            start = match.start()
            if start == len(text) and text.endswith(b"\n"):
                break  # the end of the last line is not one more line
            line, at = line + text.count(b"\n", at, start), start
            if not numbers or numbers[-1] != line:
                numbers.append(line)
        return numbers


def _options(*, folds: bool = False, latin: bool = False) -> re2.Options:
    options = re2.Options()
    options.case_sensitive = not folds
    options.log_errors = False
    options.never_nl = True
    if latin:
        # Bytes are bytes, also where they are no UTF-8.
        options.encoding = re2.Options.Encoding.LATIN1
    return options


def _why(error: Exception) -> str:
    words = error.args[0] if error.args else ""
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return f"{text}. Back-references and looking around are not supported."
