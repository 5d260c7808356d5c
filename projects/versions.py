"""Version numbers of releases: two to four numbers, then what Semantic Versioning allows."""

from __future__ import annotations

import re

from domain import versions

FIRST = "0.0.1"
MAX_LENGTH = versions.MAX_LENGTH

_LAST_NUMBER = re.compile(r"\d+(?=\D*$)", re.ASCII)


def problem_with(version: str) -> str | None:
    """The reason why this cannot be a release's version, or None."""
    return versions.problem_with(version, fewest=2)


def next_after(version: str | None) -> str:
    """The version to suggest: the last number one higher, without build metadata.

    A pre-release is followed by the next one of its kind (rc.1, rc.2), or by the version that
    it led up to when it has no number.
    """
    if problem_with(version or ""):
        return FIRST
    numbers, pre = versions.parts_of(version or "") or (FIRST, "")
    if pre:
        return f"{numbers}-{_raised(pre)}" if _LAST_NUMBER.search(pre) else numbers
    return _raised(numbers)


def _raised(text: str) -> str:
    return _LAST_NUMBER.sub(lambda number: str(int(number[0]) + 1), text, count=1)
