"""The stretches of time that the dashboard looks back on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Period:
    """`bars` stretches of `bar`, of which the last one holds now."""

    key: str
    label: str
    words: str
    previous_words: str
    bar_words: str
    bar: timedelta
    bars: int

    def bar_starts(self, now: datetime) -> list[datetime]:
        """The start of each bar, oldest first. Bars begin at whole hours, or at midnight on the
        server's clock, rounded down to hours of UTC, which is how runs are counted."""
        last = _floor(timezone.localtime(now), self.bar)
        starts = [last - self.bar * ahead for ahead in range(self.bars - 1, -1, -1)]
        return [_floor(start.astimezone(UTC), HOUR) for start in starts]


@dataclass(frozen=True)
class Window:
    """From `start` (included) to `end` (not included)."""

    start: datetime
    end: datetime

    def before(self, length: timedelta) -> Window:
        """The same stretch of time, `length` earlier."""
        return Window(self.start - length, self.end - length)


def _floor(moment: datetime, step: timedelta) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step


DAY = Period("24h", "24 h", "24 hours", "previous day", "hour", HOUR, 24)
WEEK = Period("7d", "7 d", "7 days", "previous week", "6 hours", 6 * HOUR, 28)
MONTH = Period("30d", "30 d", "30 days", "previous month", "day", 24 * HOUR, 30)
PERIODS = {period.key: period for period in (DAY, WEEK, MONTH)}
