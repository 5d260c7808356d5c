"""Worker pools as the dashboard shows them: those first in which somebody waits or works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pools.models import WorkerPool
from spaces.models import Space
from tasks.models import Pause, PauseMode
from tasks.selectors import pauses
from workers.selectors.capacity import PoolLoad, pool_loads

SHOWN = 6


@dataclass(frozen=True)
class PoolCard:
    pool: WorkerPool
    load: PoolLoad
    waiting: int
    pause: Pause | None = None

    @property
    def busy(self) -> int:
        """Slots taken of those that may be used."""
        return self.load.slots - self.load.free

    @property
    def words(self) -> str:
        if self.pause:
            return "draining" if self.pause.mode == PauseMode.DRAIN else "paused"
        if self.load.slots:
            return f"{self.busy} of {self.load.slots} busy"
        return self.load.reason or "no workers"

    @property
    def has_slots(self) -> bool:
        """Whether there is a slot to draw, in contact or not."""
        return bool(self.load.slots + self.load.offline_slots + self.load.draining_slots + self.waiting)

    @property
    def is_hot(self) -> bool:
        """Whether work has to wait here, or would have to."""
        return self.load.is_full or bool(self.waiting) or self.pause is not None


def pool_cards(space: Space, user: Any, *, waiting: Mapping[int, int]) -> tuple[list[PoolCard], int]:
    """The first cards and the number of all pools. `waiting` counts steps by pool id."""
    pools = list(WorkerPool.objects.visible_to(user).in_space(space))
    loads = pool_loads(pools)
    paused = pauses.by_pool([pool.pk for pool in pools])
    cards = [PoolCard(pool, loads[pool.pk], waiting.get(pool.pk, 0), paused.get(pool.pk)) for pool in pools]
    # Stable: pools with the same load keep the order that people gave them.
    cards.sort(key=lambda card: (-card.waiting, -card.load.percent, not card.load.workers))
    return cards[:SHOWN], len(cards)
