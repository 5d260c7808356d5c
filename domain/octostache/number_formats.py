"""Numbers in .NET's standard (`C2`, `N0`, `X8`) and custom (`#,##0.00`) formats, in US English.

Numbers are rounded half away from zero, as .NET does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal

from domain.octostache.numbers import double_text, to_decimal

Number = int | float | Decimal

MOST_DIGITS = 999
"""The largest precision, and the longest custom format."""

_STANDARD = re.compile(r"([A-Za-z])(\d{0,3})", re.ASCII)
_PRECISE = Context(prec=3_000, rounding=ROUND_HALF_UP)
_PIECE = re.compile(r"'([^']*)'|\"([^\"]*)\"|\\(.)|([eE][+-]?0+)|(.)", re.DOTALL)


def format_number(number: Number, form: str) -> str | None:
    """The text, or None for a format that this kind of number does not have."""
    exact = to_decimal(number)
    if exact is None:
        return double_text(float(number))
    if not form:
        return _general(number, exact, 0)
    if len(form) > MOST_DIGITS:
        return None
    if standard := _STANDARD.fullmatch(form):
        return _standard(number, exact, standard[1], int(standard[2]) if standard[2] else None)
    return _custom(exact, form)


def _standard(number: Number, exact: Decimal, letter: str, digits: int | None) -> str | None:
    kind = letter.upper()
    if kind in "DXB":
        return _whole(number, letter, digits or 0) if isinstance(number, int) else None
    if kind == "R":
        return double_text(number) if isinstance(number, float) else None
    if kind == "E":
        return _scientific(exact, 6 if digits is None else digits, letter, 3)
    if kind == "G":
        return _general(number, exact, digits or 0, "e" if letter == "g" else "E")
    render: Callable[[Decimal, int], str] | None = {
        "C": lambda value, places: _signed(value, places, lambda text: f"${text}"),
        "F": lambda value, places: _signed(value, places, lambda text: text.replace(",", "")),
        "N": lambda value, places: _signed(value, places, lambda text: text),
        "P": lambda value, places: _signed(value * 100, places, lambda text: f"{text}%"),
    }.get(kind)
    return None if render is None else render(exact, 2 if digits is None else digits)


def _signed(value: Decimal, places: int, wrap: Callable[[str], str]) -> str:
    rounded = _rounded(value, places)
    minus = "-" if rounded < 0 else ""
    return minus + wrap(f"{abs(rounded):,.{places}f}")


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), context=_PRECISE)


def _whole(number: int, letter: str, digits: int) -> str:
    if letter in "dD":
        return f"{'-' if number < 0 else ''}{abs(number):0{digits}d}"
    bits = number & 0xFFFFFFFF
    form = letter if letter in "xX" else "b"
    return f"{bits:0{digits}{form}}"


def _scientific(value: Decimal, places: int, letter: str, exponent_digits: int) -> str:
    sign, digits, exponent = _exponent(value, places)
    fraction = f".{digits[1:]}" if places else ""
    return f"{sign}{digits[0]}{fraction}{letter}{exponent:+0{exponent_digits + 1}d}"


def _exponent(value: Decimal, places: int) -> tuple[str, str, int]:
    """Sign, 1 + places digits, and the power of ten of the first one."""
    if not value:
        return "", "0" * (places + 1), 0
    exponent = value.adjusted()
    rounded = _rounded(abs(value).scaleb(-exponent, context=_PRECISE), places)
    if rounded >= 10:
        exponent, rounded = exponent + 1, _rounded(rounded / 10, places)
    return "-" if value < 0 else "", str(rounded).replace(".", ""), exponent


def _general(number: Number, exact: Decimal, precision: int, letter: str = "E") -> str:
    if not precision:
        return double_text(number) if isinstance(number, float) else f"{exact:f}"
    sign, digits, exponent = _exponent(exact, precision - 1)
    if exponent >= precision or exponent < -5:
        digits = digits.rstrip("0") or "0"
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}{letter}{exponent:+03d}"
    rounded = Decimal(digits).scaleb(exponent - precision + 1, context=_PRECISE)
    text = f"{rounded:f}"
    return sign + (text.rstrip("0").rstrip(".") if "." in text else text)


@dataclass(frozen=True, slots=True)
class _Section:
    """One of up to three parts of a custom format: its pieces and what they say together."""

    pieces: tuple[tuple[str, str], ...] = ()
    whole: int = 0
    fraction: int = 0
    has_groups: bool = False
    scale: int = 0
    exponent: str = ""


def _custom(value: Decimal, form: str) -> str:
    sections = _sections(form)
    pick = 0
    if value < 0 and len(sections) > 1 and sections[1].pieces:
        pick, value = 1, -value
    elif value == 0 and len(sections) > 2:
        pick = 2
    section = sections[pick]
    scaled = value.scaleb(section.scale, context=_PRECISE)
    if section.exponent:
        return _custom_exponent(scaled, section)
    rounded = _rounded(scaled, section.fraction)
    if rounded == 0 and value != 0 and len(sections) > 2:
        section = sections[2]
    return _filled(rounded, section)


def _sections(form: str) -> list[_Section]:
    sections: list[list[tuple[str, str]]] = [[]]
    for one, two, escaped, exponent, plain in _PIECE.findall(form):
        if plain == ";":
            sections.append([])
        elif exponent:
            sections[-1].append(("e", exponent))
        elif plain and plain in "0#.,%‰":
            sections[-1].append((plain, plain))
        else:
            sections[-1].append(("text", one or two or escaped or plain))
    return [_section(tuple(pieces)) for pieces in sections[:3]]


def _section(pieces: tuple[tuple[str, str], ...]) -> _Section:
    kinds = [kind for kind, _ in pieces]
    point = kinds.index(".") if "." in kinds else len(kinds)
    digits = [number for number, kind in enumerate(kinds) if kind in ("0", "#")]
    last_whole = max((number for number in digits if number < point), default=-1)
    thousands = sum(1 for number, kind in enumerate(kinds) if kind == "," and last_whole < number < point)
    inner = any(
        kind == "," and digits and digits[0] < number < last_whole for number, kind in enumerate(kinds)
    )
    return _Section(
        pieces=pieces,
        whole=sum(1 for number in digits if number < point),
        fraction=sum(1 for number in digits if number > point),
        has_groups=inner,
        scale=2 * kinds.count("%") + 3 * kinds.count("‰") - 3 * (thousands if last_whole >= 0 else 0),
        exponent=next((text for kind, text in pieces if kind == "e"), ""),
    )


def _custom_exponent(value: Decimal, section: _Section) -> str:
    shift = value.adjusted() - max(section.whole, 1) + 1 if value else 0
    rounded = _rounded(value.scaleb(-shift, context=_PRECISE), section.fraction)
    letter, sign, zeros = re.fullmatch(r"([eE])([+-]?)(0+)", section.exponent).groups()  # type: ignore[union-attr]
    shown = "-" if shift < 0 else ("+" if sign == "+" else "")
    text = f"{letter}{shown}{abs(shift):0{len(zeros)}d}"
    pieces = tuple(("text", text) if kind == "e" else (kind, one) for kind, one in section.pieces)
    return _filled(rounded, replace(section, pieces=pieces))


def _filled(rounded: Decimal, section: _Section) -> str:
    whole, _, fraction = f"{abs(rounded):f}".partition(".")
    filler = _Filler(section, whole.lstrip("0"), fraction.rstrip("0"))
    body = "".join(filler.piece(kind, text) for kind, text in section.pieces)
    return f"-{body}" if rounded < 0 else body


class _Filler:
    """Puts digits in the place of 0 and #, from the left."""

    def __init__(self, section: _Section, whole: str, fraction: str) -> None:
        kinds = [kind for kind, _ in section.pieces]
        point = kinds.index(".") if "." in kinds else len(kinds)
        zeros = [kind for kind in kinds[:point] if kind in ("0", "#")]
        needed = len(zeros) - zeros.index("0") if "0" in zeros else 0
        self.whole = whole.rjust(needed, "0")
        self.slots = section.whole
        self.groups = section.has_groups
        behind = [kind for kind in kinds[point:] if kind in ("0", "#")]
        least = len(behind) - behind[::-1].index("0") if "0" in behind else 0
        self.fraction = fraction.ljust(least, "0")
        self.place = 0
        self.is_behind = False

    def piece(self, kind: str, text: str) -> str:
        if kind in ("0", "#"):
            return self._fraction_digit() if self.is_behind else self._whole_digits()
        if kind == ".":
            first, self.is_behind, self.place = not self.is_behind, True, 0
            return "." if first and self.fraction else ""
        return "" if kind == "," else text

    def _whole_digits(self) -> str:
        """The digits of one place; the first place takes all that have none of their own."""
        left = self.slots - self.place
        self.place += 1
        start = len(self.whole) - left if self.place > 1 else 0
        stop = len(self.whole) - left + 1
        return "".join(self._grouped(number) for number in range(max(start, 0), max(stop, 0)))

    def _grouped(self, number: int) -> str:
        behind = len(self.whole) - number - 1
        return self.whole[number] + ("," if self.groups and behind and behind % 3 == 0 else "")

    def _fraction_digit(self) -> str:
        digit = self.fraction[self.place : self.place + 1]
        self.place += 1
        return digit
