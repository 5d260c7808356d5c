"""Version numbers of releases: two to four numbers, then what Semantic Versioning allows."""

from __future__ import annotations

import re

FIRST = "0.0.1"
MAX_LENGTH = 100

_VERSION = re.compile(
    r"(?P<numbers>\d{1,9}(?:\.\d{1,9}){1,3})"
    r"(?P<pre>-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
    r"(?P<meta>\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)", re.ASCII)


def problem_with(version: str) -> str | None:
    """The reason why this cannot be a release's version, or None."""
    if len(version) > MAX_LENGTH:
        return f"A version has at most {MAX_LENGTH} characters."
    if not _VERSION.fullmatch(version):
        return "Enter two to four numbers with dots, such as 1.4.0, 2026.11.2 or 2.0.0-rc.1."
    return None


def next_after(version: str | None) -> str:
    """The version to suggest: the last number one higher, without build metadata.

    A pre-release is followed by the next one of its kind (rc.1, rc.2), or by the version that
    it led up to when it has no number.
    """
    found = _VERSION.fullmatch(version or "")
    if not found:
        return FIRST
    numbers, pre = found["numbers"], found["pre"] or ""
    if pre:
        return numbers + _raised(pre) if _LAST_NUMBER.search(pre) else numbers
    return _raised(numbers)


def _raised(text: str) -> str:
    return _LAST_NUMBER.sub(lambda number: str(int(number[0]) + 1), text, count=1)
