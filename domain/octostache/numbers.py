"""Numbers as .NET reads and writes them in US English."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

_INTEGER = re.compile(r"\s*([+-]?\d+)\s*", re.ASCII)
_NUMBER = re.compile(r"\s*([+-]?)(\d[\d,]*(?:\.\d*)?|\.\d+)([+-]?)\s*", re.ASCII)
_DOUBLE = re.compile(r"\s*([+-]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,5})?)\s*", re.ASCII)
_LARGEST_DECIMAL = Decimal(79228162514264337593543950335)
_MOST_DIGITS = 400
_INT32 = range(-(2**31), 2**31)


def parse_int(text: str) -> int | None:
    """A whole number of 32 bits."""
    found = _INTEGER.fullmatch(text) if len(text) < _MOST_DIGITS else None
    number = int(found[1]) if found else None
    return number if number is not None and number in _INT32 else None


def parse_decimal(text: str) -> Decimal | None:
    """A number of at most 28 digits; commas may stand between digits, a sign before or behind."""
    found = _NUMBER.fullmatch(text) if len(text) < _MOST_DIGITS else None
    if not found or (found[1] and found[3]):
        return None
    number = Decimal(f"{found[1] or found[3]}{found[2].replace(',', '')}")
    return number if abs(number) <= _LARGEST_DECIMAL else None


def parse_double(text: str) -> float | None:
    """A double, also with an exponent, NaN and the infinities."""
    named = {"nan": math.nan, "infinity": math.inf, "∞": math.inf, "-infinity": -math.inf, "-∞": -math.inf}
    if (name := text.strip().casefold()) in named:
        return named[name]
    found = _DOUBLE.fullmatch(text) if len(text) < _MOST_DIGITS else None
    return float(found[1].replace(",", "")) if found else None


def double_text(number: float) -> str:
    """The shortest text that reads as the same double; from 1E+15 on and below 1E-04 with an exponent."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("∞" if number > 0 else "-∞")
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if number == 0 or not isinstance(exponent, int):
        return "-0" if sign else "0"
    text = "".join(map(str, digits))
    point = len(text) + exponent
    minus = "-" if sign else ""
    if point > 15 or point < -3:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{fraction}E{point - 1:+03d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    whole, fraction = text[:point].ljust(point, "0"), text[point:]
    return f"{minus}{whole}{f'.{fraction}' if fraction else ''}"


def to_decimal(number: int | float | Decimal) -> Decimal | None:
    """The exact value, None for what is no number."""
    try:
        exact = Decimal(number)
    except InvalidOperation:
        return None
    return exact if exact.is_finite() else None
