"""Version numbers: one to four numbers, then what Semantic Versioning allows."""

from __future__ import annotations

import re

MAX_LENGTH = 100

_VERSION = re.compile(
    r"(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,3})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+(?P<meta>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)


class BadVersion(ValueError):
    """A text that is no version; the message says so, to a person."""


def parts_of(version: str) -> tuple[str, str] | None:
    """The numbers and the pre-release ("" without one) of a version, or None for what is no version."""
    found = _VERSION.fullmatch(version) if len(version) <= MAX_LENGTH else None
    return (found["numbers"], found["pre"] or "") if found else None


def problem_with(version: str, *, fewest: int = 1) -> str | None:
    """The reason why this cannot be a version of at least `fewest` numbers, or None."""
    if len(version) > MAX_LENGTH:
        return f"A version has at most {MAX_LENGTH} characters."
    found = parts_of(version)
    if found is None or found[0].count(".") + 1 < fewest:
        words = {1: "one", 2: "two"}[fewest]
        return f"Enter {words} to four numbers with dots, such as 1.4.0, 2026.11.2 or 2.0.0-rc.1."
    return None


def sort_key(version: str) -> str:
    """A text of the digits 0-9 and a-f that sorts as versions do: 1.9 before 1.10, a pre-release before its
    release. Missing numbers count as 0 and build metadata does not count. Raises `BadVersion`.

    The order of pre-releases is that of Semantic Versioning 2.0.0, section 11, but without regard to
    upper and lower case, as names are the same without it.
    """
    found = parts_of(version)
    if found is None:
        raise BadVersion(f"{version[:MAX_LENGTH]} is no version.")
    numbers = [int(part) for part in found[0].split(".")]
    padded = "".join(f"{number:09d}" for number in [*numbers, 0, 0, 0][:4])
    # Hexadecimal, because databases sort punctuation as the language of the system has it.
    return padded + (_pre_release_key(found[1]) if found[1] else _RELEASE)


#: A byte that is higher than any of a pre-release's.
_RELEASE = "ff"


def _pre_release_key(text: str) -> str:
    return "".join(f"{_identifier_key(part)}00" for part in text.lower().split("."))


def _identifier_key(part: str) -> str:
    """Numbers come before words, and are compared by their value: by how many digits, then by these."""
    if part.isdecimal():
        digits = part.lstrip("0") or "0"
        return "01" + f"{len(digits):02x}" + digits.encode().hex()
    return "02" + part.encode().hex()
