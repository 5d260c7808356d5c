"""Everything that the dashboard shows, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from octoworkers.selectors import attention, figures, first_run, matrix, pools, queue
from octoworkers.selectors.periods import DAY, PERIODS, Period
from octoworkers.selectors.progress import Progress, progress_of
from octoworkers.selectors.rows import rows
from spaces.models import Space
from tasks.models import ServerTask

RECENT = 8


class Runs(StrEnum):
    """Which of the recent runs are listed."""

    ALL = "all"
    MINE = "mine"
    FAILED = "failed"


@dataclass(frozen=True)
class Choice:
    """What the address asks for; what makes no sense there is passed over."""

    period: Period = DAY
    runs: Runs = Runs.ALL
    words: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Choice:
        runs = given.get("runs", "")
        return cls(
            period=PERIODS.get(given.get("period", ""), DAY),
            runs=Runs(runs) if runs in list(Runs) else Runs.ALL,
            # PostgreSQL refuses a text with a NUL in it.
            words=given.get("q", "").replace("\0", "").strip()[:100],
        )


@dataclass(frozen=True)
class Run:
    task: ServerTask
    progress: Progress


@dataclass(frozen=True)
class Dashboard:
    """`checklist` is there until something has run in the space."""

    history: figures.History
    fleet: figures.Fleet
    queue: queue.Queue
    matrix: matrix.Matrix
    attention: attention.Attention
    recent: Sequence[Run]
    pools: Sequence[pools.PoolCard]
    pool_count: int
    checklist: Sequence[first_run.Errand] = field(default_factory=list)


def dashboard(space: Space, user: Any, choice: Choice, *, now: datetime) -> Dashboard:
    history = figures.history(space, user, choice.period, now=now)
    fleet = figures.fleet(space, user)
    waiting = queue.queue(space, user, now=now)
    cells = matrix.matrix(space, user, words=choice.words)
    recent = _recent(space, user, choice.runs)
    progress = progress_of({task.pk for task in recent} | cells.running)
    cards, pool_count = pools.pool_cards(space, user, waiting=waiting.by_pool)
    return Dashboard(
        history=history,
        fleet=fleet,
        queue=waiting,
        matrix=cells.with_progress(progress),
        attention=attention.attention(space, user, since=history.bars[0].start, lost=fleet.lost),
        recent=[Run(task, progress.get(task.pk, Progress())) for task in recent],
        pools=cards,
        pool_count=pool_count,
        checklist=[] if recent or _has_run(space, user) else first_run.checklist(space, user),
    )


def _recent(space: Space, user: Any, runs: Runs) -> list[ServerTask]:
    narrowed: dict[Runs, dict[str, Any]] = {
        Runs.ALL: {},
        Runs.MINE: {"created_by": user},
        Runs.FAILED: {"state__in": figures.FAILURES},
    }
    return list(rows(space, user).filter(**narrowed[runs])[:RECENT])


def _has_run(space: Space, user: Any) -> bool:
    return ServerTask.objects.visible_to(user).in_space(space).exists()
