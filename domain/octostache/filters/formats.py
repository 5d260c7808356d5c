"""Format: numbers and points in time by .NET's format strings."""

from __future__ import annotations

from datetime import datetime

from domain.octostache.filters.calls import Filter, Inputs, Refused, check_count
from domain.octostache.moments import Moment, format_moment, offset_text, parse_moment
from domain.octostache.number_formats import format_number
from domain.octostache.numbers import parse_decimal, parse_double, parse_int


def in_zone_of(inputs: Inputs, at: datetime) -> datetime:
    """A time without a zone, in the server's."""
    zone = inputs.clock().tzinfo
    return at.replace(tzinfo=zone)


def _moment(text: str, inputs: Inputs) -> Moment | None:
    return parse_moment(text, lambda at: in_zone_of(inputs, at))


def _date(text: str, form: str, inputs: Inputs) -> str | None:
    """A DateTime: what has an offset comes in the server's own zone."""
    moment = _moment(text, inputs)
    if moment is None:
        return None
    if moment.zone:
        zone = inputs.clock().tzinfo
        at = moment.at.astimezone(zone)
        moment = Moment(at, moment.tick, offset_text(at))
    return format_moment(moment, form)


def _offset_date(text: str, form: str, inputs: Inputs) -> str | None:
    moment = _moment(text, inputs)
    return None if moment is None else format_moment(moment, form, with_offset=True)


def _guessed(text: str, form: str, inputs: Inputs) -> str | None:
    number = parse_decimal(text)
    return format_number(number, form) if number is not None else _offset_date(text, form, inputs)


def _format(text: str | None, options: list[str], inputs: Inputs) -> str | None:
    check_count(options, 1, 2)
    if text is None:
        return None
    try:
        made = (
            _guessed(text, options[0], inputs)
            if len(options) == 1
            else _typed(text, options[0], options[1], inputs)
        )
    except (OverflowError, ValueError, ArithmeticError):
        made = None
    if made is None:
        raise Refused("the text or the format does not fit")
    return made


def _typed(text: str, type: str, form: str, inputs: Inputs) -> str | None:
    kind = type.lower()
    if kind in ("date", "datetime"):
        return _date(text, form, inputs)
    if kind == "datetimeoffset":
        return _offset_date(text, form, inputs)
    readers = {"int": parse_int, "int32": parse_int, "double": parse_double, "decimal": parse_decimal}
    if kind not in readers:
        raise Refused(f'there is no type "{type[:40]}"')
    number = readers[kind](text)
    return None if number is None else format_number(number, form)


FILTERS: dict[str, Filter] = {"Format": _format}
