"""Reading logs: lines by range for people, ranges of special lines, exact bytes for downloads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from uuid import UUID

from protocol.log import CONTINUATION, Level, Stream
from tasks.models import Attempt, LogChunk
from tasks.selectors import log_archives
from tasks.selectors.log_chunks import END, StoredLine, stored_lines, stored_runs

#: Characters of one line that go to a browser; the rest is counted, and is in the raw log.
MAX_TEXT = 4096
#: Characters of one answer to a browser, after which it has to ask again.
MAX_ANSWER = 1_000_000
#: Pieces of a line that came bit by bit which are put together; a progress bar needs its last ones.
MAX_PIECES = 500
#: The end of the year 9999, in milliseconds since the epoch.
LAST_MOMENT = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class Line:
    """One line for people: decoded, harmless controls only, with its later pieces put together.

    `seq` from 0, `time` in milliseconds since the epoch; `cut` is how many characters were left out.
    """

    seq: int
    time: int
    level: Level
    stream: Stream
    text: str
    continues: bool = False
    terminated: bool = True
    cut: int = 0

    def to_json(self) -> list[int | str]:
        """[time, level, stream, text] and, where something was left out, how many characters."""
        plain: list[int | str] = [self.time, int(self.level), int(self.stream), self.text]
        return [*plain, self.cut] if self.cut else plain


class Mark(StrEnum):
    """What sets lines apart: `c` continues an earlier line, `v` is verbose, `h` is a highlight, `w` warns,
    `e` is an error."""

    CONTINUATION = "c"
    VERBOSE = "v"
    HIGHLIGHT = "h"
    WARNING = "w"
    ERROR = "e"


def lines(attempt_id: UUID, first: int, count: int, *, joined: bool = True) -> list[Line]:
    """Up to `count` lines from `first`; fewer at the end of the log or past MAX_ANSWER characters.
    Unless `joined`, a line that came in pieces is left in pieces."""
    end = first + max(count, 0)
    found, size = [], 0
    for seq, stored in stored_lines(attempt_id, max(first, 0), end):
        is_head = joined and not stored.terminated and not stored.continues
        data = _joined(attempt_id, seq, stored) if is_head else stored.data
        found.append(_line(seq, stored, data))
        size += len(found[-1].text) + 32
        if size > MAX_ANSWER:
            break
    return found


def _line(seq: int, stored: StoredLine, data: bytes) -> Line:
    text, cut = shown(data)
    return Line(
        seq=seq,
        time=stored.time,
        level=stored.level,
        stream=stored.stream,
        text=text,
        continues=stored.continues,
        terminated=stored.terminated,
        cut=cut,
    )


def _joined(attempt_id: UUID, seq: int, head: StoredLine) -> bytes:
    """A line and the pieces that came later, as far as they stand within the next MAX_PIECES lines."""
    parts = [head.data]
    for _, piece in stored_lines(attempt_id, seq + 1, seq + 1 + MAX_PIECES):
        if piece.stream is not head.stream:
            continue
        if not piece.continues:
            break
        parts.append(piece.data)
        if piece.terminated:
            break
    return b"".join(parts)


_HARMLESS = str.maketrans(
    {code: 0x2400 + code for code in range(0x20) if code not in (0x07, 0x08, 0x09, 0x0D, 0x1B)}
    | {0x7F: 0x2421}
    # Left as they are, these would turn the reading direction or break a line in two.
    | {code: f"<U+{code:04X}>" for code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029)}
    | {
        code: f"<U+{code:04X}>"
        for code in chain(range(0x80, 0xA0), range(0x202A, 0x202F), range(0x2066, 0x206A))
    }
)


def shown(data: bytes) -> tuple[str, int]:
    """Text for a browser, and how many characters were left out. Escape sequences are left for the
    viewer, which makes colours of them; nothing else in it can act."""
    text = data.removesuffix(b"\r").decode("utf-8", errors="replace")
    # Of what a carriage return went over, only the last state is of interest.
    if len(text) > MAX_TEXT and "\r" in text:
        text = text.rstrip("\r").rpartition("\r")[2]
    return text[:MAX_TEXT].translate(_HARMLESS), max(len(text) - MAX_TEXT, 0)


_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*\x1b\\|.?)|[\x07\x08]"
)


def plain(text: str) -> str:
    """Shown text without colours, and what a carriage return went over."""
    return _ESCAPES.sub("", text.rstrip("\r").rpartition("\r")[2])


def marks(attempt_id: UUID, first: int = 0, *, total: int = END) -> list[tuple[int, int, Mark]]:
    """(from, to, mark) of the lines from `first` that are set apart, `to` included, in order; of a log of
    `total` lines, if that is known. Raises `log_archives.LogGone`."""
    found: list[tuple[int, int, Mark]] = []
    at = first
    rows = LogChunk.objects.filter(attempt=attempt_id, first_seq__gte=_start_of_chunk(attempt_id, first))
    for seq, lines, levels in rows.order_by("first_seq").values_list("first_seq", "lines", "levels"):
        _extend(found, seq, levels or (), at)
        at = max(at, seq + lines)
    if at < total:
        # While it is being archived the last rows go first, so that the archive has the rest.
        for block, _ in log_archives.blocks(attempt_id, at, END):
            _extend(found, block.first_seq, block.levels or (), at)
    return found


def _start_of_chunk(attempt_id: UUID, seq: int) -> int:
    rows = LogChunk.objects.filter(attempt=attempt_id, first_seq__lte=seq).order_by("-first_seq")
    return rows.values_list("first_seq", flat=True).first() or 0


def _extend(
    found: list[tuple[int, int, Mark]], seq: int, levels: Sequence[Sequence[int]], first: int
) -> None:
    for level, count in levels:
        mark, last = _mark(level), seq + count - 1
        start, seq = max(seq, first), seq + count
        if mark is None or last < first:
            continue
        if found and found[-1][2] is mark and found[-1][1] == start - 1:
            start = found.pop()[0]
        found.append((start, last, mark))


def _mark(level: int) -> Mark | None:
    if level == CONTINUATION:
        return Mark.CONTINUATION
    if level <= Level.VERBOSE:
        return Mark.VERBOSE
    if level >= Level.ERROR:
        return Mark.ERROR
    if level >= Level.WARNING:
        return Mark.WARNING
    return Mark.HIGHLIGHT if level >= Level.HIGHLIGHT else None


def is_there(attempt: Attempt) -> bool:
    """Whether its log was not removed. Raises `log_archives.LogGone` if it cannot be read all the same."""
    archive = getattr(attempt, "archive", None)
    if archive is not None and archive.name:
        log_archives.index_of(archive)
    return archive is None or bool(archive.name)


def size_of(attempts: Sequence[Attempt]) -> int:
    """Bytes that `raw` will give."""
    return sum(
        attempt.archive.bytes if hasattr(attempt, "archive") else attempt.log_bytes for attempt in attempts
    )


def raw(attempts: Sequence[Attempt]) -> Iterator[bytes]:
    """The exact content of these logs, one after the other, as far as their counters say."""
    for attempt in attempts:
        for runs in stored_runs(attempt.pk, before=attempt.log_lines):
            yield b"".join(run.data for run in runs)


def timed(attempts: Sequence[Attempt]) -> Iterator[bytes]:
    """Like `raw`, each line after its time in UTC, an unterminated one with a line end."""
    for attempt in attempts:
        for runs in stored_runs(attempt.pk, before=attempt.log_lines):
            yield b"".join(_stamp(run.time) + line + b"\n" for run in runs for line in _split(run.data))


def _split(data: bytes) -> list[bytes]:
    return data.removesuffix(b"\n").split(b"\n")


def _stamp(time: int) -> bytes:
    # An agent's clock may say anything.
    sane = min(max(time, 0), LAST_MOMENT)
    moment = datetime.fromtimestamp(sane // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{sane % 1000:03d}Z ".encode()
