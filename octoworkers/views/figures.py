"""The figures of a period in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from common.times import duration_words
from octoworkers.selectors.figures import Bar, History
from octoworkers.selectors.periods import DAY

AXIS_MARKS = 4
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Change:
    """`words` such as "+0.8"; empty where there is nothing to compare with."""

    words: str = ""
    is_better: bool = True


@dataclass(frozen=True)
class Figures:
    """`rate` in percent and `median` as pairs of number and unit; both empty where nothing ended."""

    bars_label: str
    axis: list[str]
    rate: str
    rate_change: Change
    median: list[tuple[str, str]]
    median_change: Change


def figures(history: History) -> Figures:
    rate, median = history.outcome.success_rate, history.outcome.median
    return Figures(
        bars_label=_bars_label(history),
        axis=_axis(history),
        rate="" if rate is None else _trimmed(rate),
        rate_change=_rate_change(history.rate_change),
        median=[] if median is None else _pairs(duration_words(median)),
        median_change=_median_change(history.median_change),
    )


def _trimmed(number: float) -> str:
    """97.6, but 100 and not 100.0; 99.96 is not yet 100."""
    tenths = int(number * 10) / 10
    return f"{tenths:.1f}".removesuffix(".0")


def _rate_change(change: float | None) -> Change:
    if change is None:
        return Change()
    return Change(f"{_sign(change)}{abs(change):.1f}", change >= 0)


def _median_change(change: float | None) -> Change:
    if change is None:
        return Change()
    return Change(f"{_sign(change)}{duration_words(abs(change))}", change <= 0)


def _sign(number: float) -> str:
    return "+" if number > 0 else MINUS if number < 0 else ""


def _pairs(words: str) -> list[tuple[str, str]]:
    """`1 m 52 s` as [("1", "m"), ("52", "s")]."""
    parts = words.split()
    return list(zip(parts[::2], parts[1::2], strict=True))


def _bars_label(history: History) -> str:
    period, peak = history.period, history.peak
    failed = history.outcome.failed
    return (
        f"Runs per {period.bar_words}, last {period.words}. Peak {peak.ok + peak.bad} at "
        f"{_moment(history, peak.start)}, {failed} failure{'' if failed == 1 else 's'} in total."
    )


def _axis(history: History) -> list[str]:
    step = len(history.bars) / AXIS_MARKS
    marks: list[Bar] = [history.bars[int(place * step)] for place in range(AXIS_MARKS)]
    return [*(_moment(history, bar.start) for bar in marks), "Now"]


def _moment(history: History, moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%H:%M}" if history.period is DAY else f"{local.day} {local:%b}"
