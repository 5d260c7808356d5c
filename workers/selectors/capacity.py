"""How much room pools have, and who could take work: for plans, for placement and for the pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Greatest

from domain.placement import WorkerFacts
from domain.planning import PoolCapacity
from domain.step_types.base import NEW_PYTHON
from pools.models import WorkerPool
from spaces.models import Space
from workers.models import ONLINE, Health, Machine
from workers.selectors import capabilities

#: Workers that are alike in these are counted together, by the database.
_KINDS = ("pools", "space_id", "is_builtin", "is_revoked", "is_disabled", "is_draining", "health", "is_there")
#: A worker whose connection broke keeps its health until its lease is over, because most come back.
_IS_THERE = Case(When(channel="", then=Value(False)), default=Value(True), output_field=BooleanField())


@dataclass
class PoolLoad:
    """The workers of a pool, counted. Slots: `slots` are those that may be used now, `busy` those
    taken on any worker in contact, so that a draining worker's last steps still count."""

    workers: int = 0
    online: int = 0
    available: int = 0
    slots: int = 0
    free: int = 0
    busy: int = 0
    offline_slots: int = 0
    draining_slots: int = 0
    warnings: int = 0
    has_builtin: bool = False
    away: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def offline(self) -> int:
        return self.away["offline"]

    @property
    def reconnecting(self) -> int:
        return self.away["reconnecting"]

    @property
    def is_full(self) -> bool:
        return self.available > 0 and self.free <= 0

    @property
    def total(self) -> int:
        """The slots that are in play: free ones, and busy ones wherever they are."""
        return self.busy + self.free

    @property
    def percent(self) -> int:
        """Share of the slots in play that is taken."""
        return round(100 * self.busy / self.total) if self.total else 0

    @property
    def reason(self) -> str:
        """Why workers are not available: "1 offline, 2 disabled"."""
        return ", ".join(f"{count} {word}" for word, count in sorted(self.away.items()) if count)


def pool_capacity(pools: Iterable[WorkerPool]) -> dict[int, PoolCapacity]:
    """By pool id, in one query, for `domain.planning`."""
    return {
        pool_id: PoolCapacity(
            workers_total=load.workers,
            workers_available=load.available,
            slots_total=load.slots,
            slots_free=load.free,
            reason=load.reason,
            workers_returning=load.reconnecting,
        )
        for pool_id, load in pool_loads(pools).items()
    }


def pool_loads(pools: Iterable[WorkerPool]) -> dict[int, PoolLoad]:
    """By pool id, in one query. The built-in worker counts for a default pool without workers."""
    known = {pool.pk: pool for pool in pools}
    loads = {pool_id: PoolLoad() for pool_id in known}
    rows = list(_rows(known.values()))
    for row in rows:
        if row["pools"] in loads and not row["is_builtin"]:
            _count(loads[row["pools"]], row)
    for row in rows:
        if row["is_builtin"]:
            for pool in _stood_in_for(row, known.values(), loads):
                loads[pool.pk].has_builtin = True
                _count(loads[pool.pk], row)
    return loads


def _rows(pools: Iterable[WorkerPool]) -> QuerySet[Machine, dict[str, Any]]:
    pools = list(pools)
    wanted = Q(pools__in=[pool.pk for pool in pools])
    if settings.BUILTIN_WORKER:
        wanted |= Q(is_builtin=True, space_id__in=[pool.space_id for pool in pools if pool.is_default])
    return (
        Machine.objects.filter(wanted)
        .order_by()
        .annotate(is_there=_IS_THERE)
        .values(*_KINDS)
        .annotate(
            workers=Count("pk"),
            all_slots=Sum("slots"),
            busy=Sum("busy_slots"),
            free=Sum(Greatest(F("slots") - F("busy_slots"), 0)),
        )
    )


def _stood_in_for(
    row: dict[str, Any], pools: Iterable[WorkerPool], loads: dict[int, PoolLoad]
) -> Iterator[WorkerPool]:
    for pool in pools:
        if pool.is_default and pool.space_id == row["space_id"] and not loads[pool.pk].workers:
            yield pool


def _count(load: PoolLoad, row: dict[str, Any]) -> None:
    load.workers += row["workers"]
    away = _away(row)
    if row["health"] in ONLINE and not row["is_revoked"]:
        load.online += row["workers"] if row["is_there"] else 0
        load.busy += row["busy"]
        load.warnings += row["workers"] if row["health"] == Health.HAS_WARNINGS else 0
    if away == "offline":
        load.offline_slots += row["all_slots"]
    elif away == "reconnecting":
        load.offline_slots += row["free"]
    elif away == "draining":
        load.draining_slots += row["free"]
    if away:
        load.away[away] += row["workers"]
        return
    load.available += row["workers"]
    load.slots += row["all_slots"]
    load.free += row["free"]


def _away(row: dict[str, Any]) -> str:
    """Why a worker takes nothing, in one word; empty where it does."""
    if row["is_revoked"]:
        return "revoked"
    if row["is_disabled"]:
        return "disabled"
    if row["health"] not in ONLINE:
        return "offline"
    if not row["is_there"]:
        return "reconnecting"
    return "draining" if row["is_draining"] else ""


def candidates_for(pool: WorkerPool) -> list[Machine]:
    """The workers that placement may choose from: enabled, healthy, connected, not draining. In a default
    pool without any worker that is the built-in one."""
    members = Machine.objects.in_pool(pool.pk).filter(is_revoked=False).exclude(channel="")
    found = list(members.accepting())
    if found or not (pool.is_default and settings.BUILTIN_WORKER):
        return found
    if Machine.objects.in_pool(pool.pk).exists():
        return []
    builtin = Machine.objects.in_space(pool.space).filter(is_builtin=True, is_revoked=False)
    return list(builtin.exclude(channel="").accepting())


#: The program that an agent finds, and what a step that needs it calls it.
ALIASES = {"python3": "python", "pwsh": "powershell"}


def worker_facts(machine: Machine) -> WorkerFacts:
    """A worker as `domain.placement` sees it; tools are its shells and tools, in lower case."""
    return WorkerFacts(
        id=str(machine.pk),
        name=machine.name,
        slots=machine.slots,
        busy=machine.busy_slots,
        tools=tools_in(machine.capabilities),
        last_used=machine.last_used_at,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def tools_in(reported: Any) -> frozenset[str]:
    """The shells, tools and features that an agent reported, in lower case, and what steps call them."""
    known = capabilities.read(reported)
    names = {name.lower() for name in (*known.shells, *known.tools, *known.features)}
    if _numbers(known.python) >= (3, 11):
        names.add(NEW_PYTHON)
    return frozenset(names | {ALIASES[name] for name in names if name in ALIASES})


@dataclass(frozen=True)
class Fleet:
    """All workers of a space together, each counted once."""

    workers: int
    slots: int
    busy: int


def fleet(space: Space) -> Fleet:
    workers = Machine.objects.in_space(space).workers().filter(is_builtin=False)
    usable = Q(is_disabled=False, is_draining=False, is_revoked=False, health__in=ONLINE) & ~Q(channel="")
    sums = workers.aggregate(
        workers=Count("pk"), slots=Sum("slots", filter=usable), busy=Sum("busy_slots", filter=usable)
    )
    return Fleet(workers=sums["workers"], slots=sums["slots"] or 0, busy=sums["busy"] or 0)
