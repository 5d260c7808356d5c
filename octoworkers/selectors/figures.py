"""The figures at the top of the dashboard: counted by the database, in windows that are bounded."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Sum

from octoworkers.selectors.periods import DAY, Period, Window
from octoworkers.selectors.sql import ElapsedSeconds, HourText
from spaces.models import Space
from tasks.models import ServerTask, TaskState
from workers.models import ONLINE, Health, Machine

T = TypeVar("T")
FAILURES = (TaskState.FAILED, TaskState.TIMED_OUT)
#: Seconds. Weeks and months change slowly, and pages of many people ask for them all the time.
KEPT = 60
#: Runs that give a median: sorting tens of thousands takes long and changes the figure by a percent.
SAMPLE = 1000


@dataclass
class Bar:
    """Runs that ended in one stretch of time, from `start` on."""

    start: datetime
    ok: int = 0
    bad: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of the runs that ended in a window. `median` is the seconds of a run that succeeded."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    median: float | None = None

    @property
    def total(self) -> int:
        return self.succeeded + self.failed + self.cancelled

    @property
    def success_rate(self) -> float | None:
        """Percent of the runs that ended by themselves; None where none did."""
        ended = self.succeeded + self.failed
        return 100 * self.succeeded / ended if ended else None


@dataclass(frozen=True)
class History:
    """A period and the one before it."""

    period: Period
    bars: list[Bar] = field(default_factory=list)
    outcome: Outcome = Outcome()
    previous: Outcome = Outcome()
    projects: int = 0

    @property
    def rate_change(self) -> float | None:
        return _difference(self.outcome.success_rate, self.previous.success_rate, digits=1)

    @property
    def median_change(self) -> float | None:
        """Seconds; below zero is faster."""
        return _difference(self.outcome.median, self.previous.median, digits=0)

    @property
    def peak(self) -> Bar:
        return max(self.bars, key=lambda bar: bar.ok + bar.bad)


def _difference(now: float | None, before: float | None, *, digits: int) -> float | None:
    return None if now is None or before is None else round(now - before, digits)


def history(space: Space, user: Any, period: Period, *, now: datetime) -> History:
    """Counts what ended. A week and a month are counted once a minute, and so is what is past."""
    key = f"dashboard.{space.pk}.{user.pk}.{period.key}"
    if period is DAY:
        return _history(space, user, period, now, key)
    return _kept(key, lambda: _history(space, user, period, now, key))


def _kept(key: str, count: Callable[[], T]) -> T:
    found = cache.get(key)
    if found is None:
        found = count()
        cache.set(key, found, KEPT)
    return found


def _history(space: Space, user: Any, period: Period, now: datetime, key: str) -> History:
    starts = period.bar_starts(now)
    window = Window(starts[0], now)
    ended = _ended(space, user, window)
    earlier = _ended(space, user, window.before(period.bar * period.bars))
    bars, counts = _bars(ended, starts)
    return History(
        period=period,
        bars=bars,
        outcome=_outcome(ended, counts),
        previous=_kept(f"{key}.previous", lambda: _outcome(earlier, _counts(earlier))),
        projects=_kept(f"{key}.projects", lambda: _projects(ended)),
    )


def _projects(ended: QuerySet[ServerTask]) -> int:
    return int(ended.aggregate(n=Count("project_id", distinct=True))["n"])


def _counts(ended: QuerySet[ServerTask]) -> Counter[str]:
    return Counter(dict(ended.values_list("state").annotate(n=Count("pk"))))


def _ended(space: Space, user: Any, window: Window) -> QuerySet[ServerTask]:
    tasks = ServerTask.objects.visible_to(user).in_space(space).order_by()
    return tasks.filter(completed_at__gte=window.start, completed_at__lt=window.end)


def _bars(ended: QuerySet[ServerTask], starts: list[datetime]) -> tuple[list[Bar], Counter[str]]:
    """The bars, and how many runs ended in each state."""
    bars, counts = [Bar(start) for start in starts], Counter[str]()
    hours = ended.annotate(hour=HourText("completed_at")).values("hour", "state").annotate(n=Count("pk"))
    for hour, state, n in hours.values_list("hour", "state", "n"):
        moment = datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC)
        bar = bars[max(bisect_right(starts, moment) - 1, 0)]
        bar.ok += n if state == TaskState.SUCCESS else 0
        bar.bad += n if state in FAILURES else 0
        counts[state] += n
    return bars, counts


def _outcome(ended: QuerySet[ServerTask], counts: Counter[str]) -> Outcome:
    succeeded = counts[TaskState.SUCCESS]
    return Outcome(
        succeeded=succeeded,
        failed=sum(counts[state] for state in FAILURES),
        cancelled=counts[TaskState.CANCELED],
        median=_median(ended.filter(state=TaskState.SUCCESS), succeeded),
    )


def _median(succeeded: QuerySet[ServerTask], count: int) -> float | None:
    """The seconds of the run in the middle; of very many runs, of every so-manieth one."""
    if not count:
        return None
    stride = max(count // SAMPLE, 1)
    sample = succeeded.annotate(place=F("pk") % stride).filter(place=0) if stride > 1 else succeeded
    lengths = sample.annotate(seconds=ElapsedSeconds("completed_at", "started_at")).order_by("seconds")
    middle = (count if stride == 1 else lengths.count()) // 2
    return next(iter(lengths.values_list("seconds", flat=True)[middle : middle + 1]), None)


@dataclass(frozen=True)
class Fleet:
    """The workers that should be there: not disabled and not revoked."""

    workers: int = 0
    online: int = 0
    lost: int = 0
    draining: int = 0
    slots: int = 0
    busy: int = 0


def fleet(space: Space, user: Any) -> Fleet:
    """In one query. The built-in worker counts while it is there, and is not missed when it is not."""
    workers = Machine.objects.visible_to(user).in_space(space).workers()
    machines = workers.filter(is_disabled=False, is_revoked=False)
    online = Q(health__in=ONLINE)
    counts = machines.exclude(~online, is_builtin=True).aggregate(
        workers=Count("pk"),
        online=Count("pk", filter=online),
        lost=Count("pk", filter=Q(health=Health.UNAVAILABLE)),
        draining=Count("pk", filter=online & Q(is_draining=True)),
        slots=Sum("slots", filter=online & Q(is_draining=False), default=0),
        busy=Sum("busy_slots", filter=online, default=0),
    )
    return Fleet(**counts)
