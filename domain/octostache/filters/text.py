"""Filters that cut, join and turn text."""

from __future__ import annotations

import base64
import binascii
import re

from domain.octostache.filters.calls import Filter, Inputs, Refused, check_count, plain, with_options
from domain.octostache.numbers import parse_int

_SIZES = re.compile(r"(?:(\d{1,3})?(/))?(\d{1,3})", re.ASCII)
_WIDEST = 255
_SPACE = re.compile(r"\s+")


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(_one(one, one.lower()) for one in text)


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(_one(one, one.upper()) for one in text)


def _one(before: str, after: str) -> str:
    """Like .NET, one character stays one: ß has no capital."""
    return after if len(after) == 1 else before


def _trim(text: str, options: list[str]) -> str:
    side = options[0].lower() if options else ""
    if side not in ("", "start", "end"):
        raise Refused("Trim knows start and end only")
    return {"": text.strip, "start": text.lstrip, "end": text.rstrip}[side]()


def _count(option: str) -> int:
    number = parse_int(option)
    if number is None or number < 0:
        raise Refused(f'"{option[:40]}" is not a whole number from 0 on')
    return number


def _truncate(text: str, options: list[str]) -> str:
    length = _count(options[0])
    return f"{text[:length]}..." if length < len(text) else text


def _substring(text: str, options: list[str]) -> str:
    start, length = (0, _count(options[0])) if len(options) == 1 else map(_count, options)
    if start > len(text):
        raise Refused("the text is shorter than the start")
    return text[start : start + length]


def _indent(text: str | None, options: list[str], inputs: Inputs) -> str | None:
    check_count(options, 0, 2)
    if not text:
        return text
    first, other = _indents(options)
    inputs.check_size(len(text) + len(first) + text.count("\n") * len(other))
    return first + text.replace("\n", f"\n{other}")


def _indents(options: list[str]) -> tuple[str, str]:
    if not options:
        return "    ", "    "
    if len(options) == 2:
        return options[0], options[1]
    sizes = _SIZES.fullmatch(options[0])
    if not sizes or int(sizes[3]) > _WIDEST or int(sizes[1] or 0) > _WIDEST:
        return options[0], options[0]
    other = " " * int(sizes[3])
    return (" " * int(sizes[1] or 0) if sizes[2] else other), other


def _append(text: str | None, options: list[str], _inputs: Inputs) -> str:
    check_count(options, 1, 10_000)
    return f"{text or ''}{''.join(options)}"


def _prepend(text: str | None, options: list[str], _inputs: Inputs) -> str:
    check_count(options, 1, 10_000)
    return f"{''.join(options)}{text or ''}"


def encoding_of(options: list[str]) -> str:
    """Python's name of the encoding that the first option names. Raises Refused."""
    name = options[0].lower() if options else "utf8"
    known = {"utf8": "utf-8", "utf-8": "utf-8", "unicode": "utf-16-le"}
    if name not in known:
        raise Refused(f'there is no encoding "{name[:40]}", only utf8 and unicode')
    return known[name]


def _to_base64(text: str, options: list[str]) -> str:
    return base64.b64encode(text.encode(encoding_of(options), "replace")).decode("ascii")


def from_base64(text: str) -> bytes:
    """The bytes; white space does not count. Raises Refused."""
    try:
        return base64.b64decode(_SPACE.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("the text is not Base64") from None


def _from_base64(text: str, options: list[str]) -> str:
    return from_base64(text).decode(encoding_of(options), "replace")


FILTERS: dict[str, Filter] = {
    "ToLower": plain(_lower),
    "ToUpper": plain(_upper),
    "Trim": with_options(_trim),
    "Truncate": with_options(_truncate, least=1),
    "Substring": with_options(_substring, least=1, most=2),
    "Indent": _indent,
    "Append": _append,
    "Prepend": _prepend,
    "ToBase64": with_options(_to_base64, most=1),
    "FromBase64": with_options(_from_base64, most=1),
}
