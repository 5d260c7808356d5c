"""The present, and points in time before and after another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain.octostache.filters.calls import Filter, Inputs, Refused, check_count
from domain.octostache.filters.formats import in_zone_of
from domain.octostache.moments import Moment, format_moment, parse_moment
from domain.octostache.numbers import parse_double


def _now(text: str | None, options: list[str], at: datetime, zone: str) -> str:
    check_count(options, 0, 1)
    if text is not None:
        raise Refused("the filter takes nothing before the |")
    made = format_moment(Moment(at, zone=zone), options[0] if options else "O")
    if made is None:
        raise Refused("there is no such format of dates")
    return made


def _now_here(text: str | None, options: list[str], inputs: Inputs) -> str:
    return _now(text, options, inputs.clock(), "")


def _now_utc(text: str | None, options: list[str], inputs: Inputs) -> str:
    return _now(text, options, inputs.clock().astimezone(UTC), "Z")


def _adding(span: Callable[[float], timedelta]) -> Filter:
    def apply(text: str | None, options: list[str], inputs: Inputs) -> str | None:
        check_count(options, 1, 1)
        if text is None:
            return None
        amount = parse_double(options[0])
        moment = parse_moment(text, lambda at: in_zone_of(inputs, at))
        if amount is None or moment is None:
            raise Refused("it adds a number to a date")
        try:
            at = moment.at + span(amount)
        except (OverflowError, ValueError):
            raise Refused("there is no such date") from None
        return format_moment(Moment(at, moment.tick, moment.zone), "O")

    return apply


FILTERS: dict[str, Filter] = {
    "NowDate": _now_here,
    "NowDateUtc": _now_utc,
    "AddSeconds": _adding(lambda amount: timedelta(seconds=amount)),
    "AddMinutes": _adding(lambda amount: timedelta(minutes=amount)),
    "AddHours": _adding(lambda amount: timedelta(hours=amount)),
    "AddDays": _adding(lambda amount: timedelta(days=amount)),
    "AddWeeks": _adding(lambda amount: timedelta(weeks=amount)),
}
