"""Points in time as .NET reads and writes them in US English."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_CLOCK = (
    r"(?:[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,7}))?)?"
    r"\s*(?P<half>[AaPp][Mm])?)?\s*(?P<zone>Z|GMT|[+-]\d{2}:?\d{2})?"
)
_DATES = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4})",
    r"(?:[A-Za-z]{3,9},?\s+)?(?P<day>\d{1,2})[-\s](?P<word>[A-Za-z]{3,9})[-\s,]\s*(?P<year>\d{4})",
    r"(?:[A-Za-z]{6,9},?\s+)?(?P<word>[A-Za-z]{3,9})\s+(?P<day>\d{1,2})(?:,\s*|\s+)(?P<year>\d{4})",
)
_READ = [re.compile(rf"\s*{date}{_CLOCK}\s*", re.ASCII) for date in _DATES]


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time; .NET counts ticks of 100 ns, so `tick` is the seventh digit of the second.

    `zone` is how an offset is written: "Z", "+01:00", or "" for a time of the server's own zone.
    """

    at: datetime
    tick: int = 0
    zone: str = ""


def parse_moment(text: str, local: Callable[[datetime], datetime]) -> Moment | None:
    """Read a date, a time may follow; `local` puts a time without an offset into the server's zone."""
    if len(text) > 64:
        return None
    for pattern in _READ:
        if found := pattern.fullmatch(text):
            try:
                return _moment(found, local)
            except (ValueError, OverflowError):
                return None
    return None


def _moment(found: re.Match[str], local: Callable[[datetime], datetime]) -> Moment:
    names = found.groupdict()
    month = int(names["month"]) if names.get("month") else _month(names["word"] or "")
    hour = _hour(int(names["hour"] or 0), (names["half"] or "").lower())
    part = (names["part"] or "").ljust(7, "0")
    at = datetime(  # noqa: DTZ001 - its zone follows
        int(names["year"]), month, int(names["day"]), hour, int(names["minute"] or 0),
        int(names["second"] or 0), int(part[:6]),
    )  # fmt: skip
    zone = names["zone"] or ""
    if not zone:
        return Moment(local(at), int(part[6]))
    offset = UTC if zone in ("Z", "GMT") else _offset(zone)
    return Moment(at.replace(tzinfo=offset), int(part[6]), "Z" if zone in ("Z", "GMT") else zone)


def _month(word: str) -> int:
    for number, name in enumerate(_MONTHS, start=1):
        if word.lower() in (name.lower(), name[:3].lower()):
            return number
    raise ValueError(word)


def _hour(hour: int, half: str) -> int:
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if half == "pm" else 0)


def _offset(text: str) -> timezone:
    hours, minutes = int(text[1:3]), int(text[-2:])
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "M": "MMMM d",
    "o": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "O": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "y": "MMMM yyyy",
    "Y": "MMMM yyyy",
}
_IN_UTC = frozenset("U")
_PIECE = re.compile(r"'([^']*)'|\"([^\"]*)\"|\\(.)|%(?=.)|(([dfFgGhHKmMstyz])\5*)|(.)", re.DOTALL)


def format_moment(moment: Moment, form: str, *, with_offset: bool = False) -> str | None:
    """The text, or None for a format that .NET does not have.

    `with_offset` makes it a DateTimeOffset, which says its offset as +00:00 and not as Z.
    """
    form = form or ("M/d/yyyy h:mm:ss tt zzz" if with_offset else "G")
    if len(form) > 400:
        return None
    if len(form) == 1:
        if form not in _STANDARD or (with_offset and form == "U"):
            return None
        if form in _IN_UTC or (with_offset and form in "uRr"):
            moment = Moment(moment.at.astimezone(UTC), moment.tick, "Z")
        form = _STANDARD[form]
    pieces: list[str] = []
    for one, two, escaped, run, letter, plain in _PIECE.findall(form):
        text = (
            _run(moment, letter, len(run), with_offset=with_offset) if run else one or two or escaped or plain
        )
        pieces.append(_trimmed(pieces, run, text))
    return "".join(pieces)


def _trimmed(pieces: list[str], run: str, text: str) -> str:
    """A run of F that shows nothing takes the point before it away."""
    if run.startswith("F") and not text and pieces and pieces[-1] == ".":
        pieces[-1] = ""
    return text


def _run(moment: Moment, letter: str, count: int, *, with_offset: bool) -> str:
    if letter in "fF":
        digits = f"{moment.at.microsecond:06d}{moment.tick}"[: min(count, 7)]
        return digits if letter == "f" else digits.rstrip("0")
    if letter == "K":
        return count * (offset_text(moment.at) if with_offset else moment.zone)
    if letter == "z":
        return offset_text(moment.at, count)
    return _named(moment.at, letter, count)


def _named(at: datetime, letter: str, count: int) -> str:
    if letter == "y":
        return str(at.year % 100).zfill(count) if count < 3 else str(at.year).zfill(count)
    if letter == "M" and count > 2:
        return _MONTHS[at.month - 1][: 3 if count == 3 else None]
    if letter == "d" and count > 2:
        return _DAYS[at.weekday()][: 3 if count == 3 else None]
    if letter == "t":
        return ("AM" if at.hour < 12 else "PM")[: 1 if count == 1 else 2]
    if letter in "gG":
        return "A.D." if letter == "g" else "G" * count
    half = (at.hour + 11) % 12 + 1
    numbers = {
        "d": at.day, "M": at.month, "H": at.hour, "h": half, "m": at.minute, "s": at.second,
    }  # fmt: skip
    return str(numbers[letter]).zfill(min(count, 2))


def offset_text(at: datetime, count: int = 3) -> str:
    """+1, +01 or +01:00, by the number of z in a format."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    if count == 1:
        return f"{sign}{hours}"
    return f"{sign}{hours:02d}" if count == 2 else f"{sign}{hours:02d}:{rest:02d}"
