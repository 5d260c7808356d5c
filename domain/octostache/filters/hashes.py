"""Md5 and the Sha family, as hexadecimal digits."""

from __future__ import annotations

import hashlib

from domain.octostache.filters.calls import Filter, Refused, with_options
from domain.octostache.filters.text import encoding_of, from_base64
from domain.octostache.numbers import parse_int


def _hashing(algorithm: str) -> Filter:
    def apply(text: str, options: list[str]) -> str:
        size, encoding = _size_and_encoding(options)
        data = from_base64(text) if encoding == "base64" else text.encode(encoding, "replace")
        digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
        return digest[:size].hex()

    return with_options(apply, most=2)


def _size_and_encoding(options: list[str]) -> tuple[int | None, str]:
    """How many bytes, and of what; in any order."""
    size: int | None = None
    encoding = ""
    for option in options:
        number = parse_int(option)
        if number is not None and number > 0 and size is None:
            size = number
        elif not encoding:
            encoding = "base64" if option.lower() == "base64" else encoding_of([option])
        else:
            raise Refused("the filter takes a number of bytes and an encoding")
    return size, encoding or "utf-8"


FILTERS: dict[str, Filter] = {
    "Md5": _hashing("md5"),
    "Sha1": _hashing("sha1"),
    "Sha256": _hashing("sha256"),
    "Sha384": _hashing("sha384"),
    "Sha512": _hashing("sha512"),
}
