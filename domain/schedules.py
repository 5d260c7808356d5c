"""Schedules: when a trigger fires next, and how that reads as a sentence.

Every kind of schedule becomes a cron expression of five fields, which `cronsim` evaluates. What becomes of
the hour that a change of clocks leaves out or repeats is decided here; `docs/schedules.md` tells people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from domain.labels import counted, listed


class ScheduleKind(StrEnum):
    DAYS = "Days"
    EVERY = "Every"
    MONTH_DAYS = "MonthDays"
    CRON = "Cron"


LAST_DAY = -1
"""Stands for the last day of a month among `Schedule.month_days`."""

MONDAY_TO_FRIDAY = frozenset(range(1, 6))
ALL_DAYS = frozenset(range(1, 8))
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: Minutes between two starts. Each divides the hour or the day, so that no gap is shorter than the others.
INTERVALS = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720)

#: Where cronsim wants a moment although only the expression is looked at.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to start something. `timezone` is a name such as Europe/Berlin.

    DAYS uses `days` (1 Monday to 7 Sunday) and `at`; EVERY uses `minutes`, counted from midnight;
    MONTH_DAYS uses `month_days` (1 to 31, or LAST_DAY) and `at`; CRON uses `cron`.
    """

    kind: ScheduleKind
    timezone: str = "UTC"
    at: time = time(0, 0)
    days: frozenset[int] = ALL_DAYS
    minutes: int = 60
    month_days: frozenset[int] = field(default_factory=frozenset)
    cron: str = ""


class BadSchedule(ValueError):
    """Never fires, or cannot be understood. `field` names the part of the schedule that is to blame."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class _Cron:
    """Five fields as `cronsim` takes them, and the second of the minute."""

    fields: str
    second: int = 0

    @property
    def every_hour(self) -> bool:
        return len(CronSim(self.fields, _SOME_DAY).hours) == 24


def check(schedule: Schedule) -> None:
    """Raises `BadSchedule`."""
    _zone(schedule)
    _cron_of(schedule)


def upcoming(schedule: Schedule, *, after: datetime) -> Iterator[datetime]:
    """The instants later than `after`, in UTC, without end or until 50 years hold none.

    A time that the clocks leave out moves to the moment they jump to; one that they show twice counts
    once, the first time. A schedule for every hour runs on through both instead, by the time that passes.
    Raises `BadSchedule`.
    """
    zone, cron = _zone(schedule), _cron_of(schedule)
    shift = timedelta(seconds=cron.second)
    base = after.astimezone(UTC) - shift
    instants = _elapsed(cron, base, zone) if cron.every_hour else _by_the_clock(cron, base, zone)
    return (instant + shift for instant in instants)


def following(schedule: Schedule, *, after: datetime) -> datetime | None:
    """The first instant later than `after`. Raises `BadSchedule`."""
    return next(upcoming(schedule, after=after), None)


def next_times(schedule: Schedule, *, after: datetime, count: int) -> list[datetime]:
    """In the schedule's own time zone, for people. Raises `BadSchedule`."""
    zone = _zone(schedule)
    return [instant.astimezone(zone) for instant in islice(upcoming(schedule, after=after), count)]


def _by_the_clock(cron: _Cron, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    last = after
    for local in CronSim(cron.fields, after.astimezone(zone).replace(tzinfo=None)):
        instant = _instant(local, zone)
        if instant > last:
            yield instant
            last = instant


def _elapsed(cron: _Cron, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    # With six fields, cronsim leaves out its own treatment of changes of clocks.
    for local in CronSim(f"0 {cron.fields}", after.astimezone(zone)):
        yield local.astimezone(UTC)


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks in `zone` show `local`, or jump over it."""
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    return _jump(local.replace(tzinfo=zone, fold=1).astimezone(UTC), instant, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between these two at which the clocks change, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _zone(schedule: Schedule) -> ZoneInfo:
    try:
        return ZoneInfo(schedule.timezone)
    except (ValueError, OSError, LookupError) as error:
        raise BadSchedule("timezone", f"There is no time zone {schedule.timezone!r}.") from error


def _cron_of(schedule: Schedule) -> _Cron:
    at = f"{schedule.at.minute} {schedule.at.hour}"
    match schedule.kind:
        case ScheduleKind.DAYS:
            return _Cron(f"{at} * * {_numbers(schedule.days, 'days', 'Choose at least one day.')}")
        case ScheduleKind.MONTH_DAYS:
            return _Cron(f"{at} {_month_days(schedule)} * *")
        case ScheduleKind.EVERY:
            return _every(schedule.minutes)
        case ScheduleKind.CRON:
            return _parsed(schedule.cron)


def _numbers(numbers: frozenset[int], field: str, lack: str) -> str:
    if not numbers:
        raise BadSchedule(field, lack)
    return ",".join(str(number) for number in sorted(numbers))


def _month_days(schedule: Schedule) -> str:
    lack = "Choose at least one day of the month."
    return _numbers(schedule.month_days, "month_days", lack).replace(str(LAST_DAY), "L")


def _every(minutes: int) -> _Cron:
    if minutes not in INTERVALS:
        raise BadSchedule("minutes", "Choose one of the intervals; others can be written as cron.")
    if minutes < 60:
        return _Cron(f"*/{minutes} * * * *")
    return _Cron(f"0 */{minutes // 60} * * *")


# Cron as people write it.

_ALLOWED = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L for the last day, LW for the last weekday",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 6 or SUN to SAT, such as MON#1 for the first Monday and FRIL for the last Friday",
}
_SYMBOLIC = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_NAMED = re.compile(rf"\b({'|'.join(_SYMBOLIC)})L\b")
_NEAREST_WEEKDAY = re.compile(r"\d+W")


def _parsed(text: str) -> _Cron:
    """Octopus's six fields, seconds first, or the usual five. Raises `BadSchedule`."""
    fields = text.upper().split()
    if not fields:
        raise BadSchedule("cron", "Write an expression, such as 0 2 * * MON-FRI.")
    if len(fields) == 7:
        raise BadSchedule("cron", "Leave out the year, the seventh field: schedules run every year.")
    if len(fields) not in (5, 6):
        problem = f"This has {counted(len(fields), 'field')}. Write five, minute first, or six, second first."
        raise BadSchedule("cron", problem)
    second = _second(fields.pop(0)) if len(fields) == 6 else 0
    fields[2], fields[4] = _day_of_month(fields[2]), _day_of_week(fields[4])
    cron = _Cron(" ".join(fields), second)
    _probe(cron)
    return cron


def _second(text: str) -> int:
    if text.isdecimal() and int(text) < 60:
        return int(text)
    raise BadSchedule(
        "cron",
        f"The second {text!r} must be one number from 0 to 59: a schedule starts at most once a minute.",
    )


def _day_of_month(text: str) -> str:
    if _NEAREST_WEEKDAY.search(text):
        raise BadSchedule("cron", f"The weekday nearest to a day ({text}) is not supported. LW is.")
    return "*" if text == "?" else text


def _day_of_week(text: str) -> str:
    if text == "?":
        return "*"
    return _LAST_NAMED.sub(lambda found: f"{_SYMBOLIC.index(found[1])}L", text)


def _probe(cron: _Cron) -> None:
    """Whether cronsim understands it, and finds any time at all."""
    try:
        next(CronSim(cron.fields, _SOME_DAY))
    except CronSimError as error:
        raise BadSchedule("cron", _explained(str(error), cron.fields)) from error
    except StopIteration as error:
        raise BadSchedule("cron", "There is no such day.") from error


def _explained(message: str, fields: str) -> str:
    name = message.removeprefix("Bad ")
    if name not in _ALLOWED:
        return f"This is not a cron expression: {message}."
    text = fields.split()[list(_ALLOWED).index(name)]
    if name == "day-of-month" and text.isdecimal() and 1 <= int(text) <= 31:
        return f"No month that this names has a day {text}."
    return f"The {name.replace('-', ' ')} {text!r} is not valid. Possible are {_ALLOWED[name]}."


# Sentences.


def sentence(schedule: Schedule) -> str:
    """ "Every weekday at 02:00 Europe/Berlin". Raises `BadSchedule`."""
    check(schedule)
    at = f"at {schedule.at:%H:%M} {schedule.timezone}"
    match schedule.kind:
        case ScheduleKind.DAYS:
            return f"Every {_days(schedule.days)} {at}"
        case ScheduleKind.MONTH_DAYS:
            return f"On the {_ordinals(schedule.month_days)} of each month{_some(schedule.month_days)} {at}"
        case ScheduleKind.EVERY:
            return _interval(schedule)
        case ScheduleKind.CRON:
            return _of_cron(schedule)


def _days(days: frozenset[int]) -> str:
    if days == ALL_DAYS:
        return "day"
    if days == MONDAY_TO_FRIDAY:
        return "weekday"
    return listed([DAY_NAMES[day - 1] for day in sorted(days)])


def _ordinals(days: frozenset[int]) -> str:
    words = [_ordinal(day) for day in sorted(days - {LAST_DAY})]
    return listed([*words, "last day"] if LAST_DAY in days else words)


def _some(days: frozenset[int]) -> str:
    """Not every month has each of these days."""
    return " that has it," if max(days) > 28 else ""


def _ordinal(number: int) -> str:
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _interval(schedule: Schedule) -> str:
    hours, minutes = divmod(schedule.minutes, 60)
    if not hours:
        return "Every minute" if minutes == 1 else f"Every {minutes} minutes"
    return "Every hour" if hours == 1 else f"Every {hours} hours from 00:00 {schedule.timezone}"


def _of_cron(schedule: Schedule) -> str:
    cron = _cron_of(schedule)
    words = CronSim(f"{cron.second} {cron.fields}", _SOME_DAY).explain()
    return f"{words}, {schedule.timezone}"
