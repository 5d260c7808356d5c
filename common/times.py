"""Lengths of time in words. static/ui/js/ago.js says the same words in the browser; keep them alike."""

from datetime import timedelta

MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3600, 86_400, 604_800, 31_536_000


def duration_words(length: float | timedelta) -> str:
    """Seconds as `0.4 s`, `48 s`, `1 m 52 s`, `2 h 05 m` or `3 d 4 h`; below zero counts as zero."""
    exact = length.total_seconds() if isinstance(length, timedelta) else float(length)
    seconds = max(0, int(exact))
    if seconds < MINUTE:
        return f"{exact:.1f} s" if 0 < exact < 10 and exact % 1 else f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} m {seconds % MINUTE:02d} s"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE:02d} m"
    return f"{seconds // DAY} d {seconds % DAY // HOUR} h"


def ago_words(seconds: float) -> str:
    """How long ago (or, below zero, in how long): `now`, `12 s ago`, `6 m ago`, `in 3 h`, `2 d ago`."""
    length = abs(seconds)
    if length < 5:
        return "now"
    words = _rounded(length)
    return f"{words} ago" if seconds > 0 else f"in {words}"


def _rounded(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    for unit, size, below in (("m", MINUTE, HOUR), ("h", HOUR, DAY), ("d", DAY, 9 * WEEK), ("w", WEEK, YEAR)):
        if seconds < below:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // YEAR)} y"
