"""Worker pools as their pages show them: with their load, their queue and what uses them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from domain.labels import counted
from pools.models import WorkerPool
from processes.models import Action, PoolChoice
from spaces.models import Space
from tasks.models import LIVE, Attempt, Execution, Pause, PauseMode, StepState
from tasks.selectors import pauses
from variables.models import Type, Variable
from workers.models import Machine
from workers.selectors import capabilities
from workers.selectors.capabilities import Capabilities
from workers.selectors.capacity import PoolLoad, pool_loads

MAX_TAGS = 4


@dataclass(frozen=True)
class PoolHealth:
    """`state` is a state of `common.statuses`, `label` its words here."""

    state: str
    label: str

    @property
    def is_fine(self) -> bool:
        return self.state == "Healthy"


@dataclass(frozen=True)
class PoolCard:
    """`queue` counts the steps that wait for a worker of the pool, `tags` what all its workers have."""

    pool: WorkerPool
    load: PoolLoad
    pause: Pause | None = None
    queue: int = 0
    steps: int = 0
    variables: int = 0
    tags: Sequence[str] = field(default_factory=tuple)

    @property
    def health(self) -> PoolHealth:
        return pool_health(self.load, self.pause)

    @property
    def used_by(self) -> str:
        """`5 steps, 1 variable`; empty where nothing names the pool."""
        parts = ((self.steps, "step"), (self.variables, "variable"))
        return ", ".join(counted(count, noun) for count, noun in parts if count)


def pool_health(load: PoolLoad, pause: Pause | None) -> PoolHealth:
    """What a person has to know first."""
    if pause is not None:
        return PoolHealth("Paused", "Draining" if pause.mode == PauseMode.DRAIN else "Paused")
    if load.workers == 0:
        return PoolHealth("HasWarnings", "No workers")
    if load.available == 0:
        return PoolHealth("HasWarnings" if load.reconnecting else "Offline", load.reason)
    if load.offline:
        return PoolHealth("Offline", f"{load.offline} offline")
    if load.reconnecting:
        return PoolHealth("HasWarnings", f"{load.reconnecting} reconnecting")
    if load.is_full:
        return PoolHealth("Full", "Full")
    if load.warnings:
        return PoolHealth("HasWarnings", counted(load.warnings, "warning"))
    return PoolHealth("Healthy", "Healthy")


@dataclass(frozen=True)
class Found:
    """Pools with their load, told apart by whether somebody has to look after them."""

    pools: Sequence[WorkerPool]
    loads: Mapping[int, PoolLoad]
    paused: Mapping[int, Pause]

    @cached_property
    def healthy(self) -> list[WorkerPool]:
        return [pool for pool in self.pools if self._health(pool).is_fine]

    def _health(self, pool: WorkerPool) -> PoolHealth:
        return pool_health(self.loads[pool.pk], self.paused.get(pool.pk))

    @cached_property
    def attention(self) -> list[WorkerPool]:
        fine = {pool.pk for pool in self.healthy}
        return [pool for pool in self.pools if pool.pk not in fine]


def find_pools(viewer: User, space: Space, *, text: str = "") -> Found:
    """`text` finds pools by name and description, and those that a worker of that name is in."""
    found = WorkerPool.objects.visible_to(viewer).in_space(space)
    if text:
        by_text = Q(name__icontains=text) | Q(description__icontains=text) | Q(machines__name__icontains=text)
        found = found.filter(by_text).distinct()
    pools = list(found)
    return Found(pools, pool_loads(pools), pauses.by_pool([pool.pk for pool in pools]))


def cards_of(
    pools: Sequence[WorkerPool],
    *,
    loads: Mapping[int, PoolLoad] | None = None,
    paused: Mapping[int, Pause] | None = None,
) -> list[PoolCard]:
    """In as many queries for many pools as for one. `loads` and `paused` where they are known already."""
    ids = [pool.pk for pool in pools]
    loads, tags = loads or pool_loads(pools), _tags(ids)
    queues, steps, variables = _queues(), _steps(pools), _variables(ids)
    paused = pauses.by_pool(ids) if paused is None else paused
    return [
        PoolCard(
            pool=pool,
            load=loads[pool.pk],
            pause=paused.get(pool.pk),
            queue=queues.get(pool.pk, 0),
            steps=steps.get(pool.pk, 0),
            variables=variables.get(pool.pk, 0),
            tags=tags.get(pool.pk, ()),
        )
        for pool in pools
    ]


def _queues() -> dict[int, int]:
    """Of all pools: with their ids in the condition SQLite reads every step that they ever had, without
    them both databases read the few that wait, from the index `tasks_waiting`."""
    waiting = Execution.objects.filter(state=StepState.WAITING, pool_id__isnull=False).order_by()
    return dict(waiting.values_list("pool_id").annotate(count=Count("pk")))


def _steps(pools: Sequence[WorkerPool]) -> dict[int, int]:
    """Steps that name a pool; those that name none count for the default pool of their space."""
    fixed = Action.objects.filter(pool_choice=PoolChoice.SPECIFIC).order_by()
    named = fixed.filter(worker_pool__in=[pool.pk for pool in pools])
    counts: dict[int, int] = dict(named.values_list("worker_pool").annotate(count=Count("pk")))
    defaults = {pool.space_id: pool.pk for pool in pools if pool.is_default}
    unnamed = fixed.filter(worker_pool=None, step__process__space__in=defaults)
    per_space = unnamed.values_list("step__process__space").annotate(count=Count("pk"))
    for space_id, count in per_space:
        pool_id = defaults[space_id]
        counts[pool_id] = counts.get(pool_id, 0) + count
    return counts


def _variables(ids: Sequence[int]) -> dict[int, int]:
    values = Variable.objects.filter(type=Type.WORKER_POOL, value__in=[str(id) for id in ids]).order_by()
    return {int(value): count for value, count in values.values_list("value").annotate(count=Count("pk"))}


def _tags(ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    rows = Machine.objects.filter(pools__in=ids).order_by("pk").values_list("pools", "capabilities")
    by_pool: dict[int, list[Capabilities]] = defaultdict(list)
    for pool_id, raw in rows:
        by_pool[pool_id].append(capabilities.read(raw))
    return {pool_id: common_tags(found) for pool_id, found in by_pool.items()}


def common_tags(machines: Sequence[Capabilities]) -> tuple[str, ...]:
    """At most four words for what every worker has: its system first, then tools, then shells."""
    systems = sorted({machine.os for machine in machines if machine.os})
    tools = _shared([machine.tools for machine in machines])
    shells = _shared([machine.shells for machine in machines])
    return tuple([*systems, *tools, *shells][:MAX_TAGS])


def _shared(versions: Sequence[Mapping[str, str]]) -> list[str]:
    if not versions:
        return []
    names = set(versions[0]).intersection(*versions[1:])
    return [_with_major(name, {one[name].split(".")[0] for one in versions}) for name in sorted(names)]


def _with_major(name: str, majors: Iterable[str]) -> str:
    """`psql 16` where all have the same major version."""
    known = list(majors)
    return f"{name} {known[0]}" if len(known) == 1 and known[0] else name


def running_in(pool: WorkerPool) -> QuerySet[Attempt]:
    """The steps that hold a slot, newest first."""
    found = Attempt.objects.filter(state__in=LIVE, execution__pool_id=pool.pk)
    return (
        found.select_related("execution__task__environment", "machine")
        .defer("execution__task__plan")
        .order_by("-assigned_at")
    )


def waiting_for(pool: WorkerPool) -> QuerySet[Execution]:
    """The queue, first in line first."""
    found = Execution.objects.filter(pool_id=pool.pk, state=StepState.WAITING)
    return found.select_related("task__environment").defer("task__plan").order_by("waiting_since", "id")


def members(pool: WorkerPool, load: PoolLoad) -> QuerySet[Machine]:
    """Its workers, or the built-in one that stands in for them."""
    if load.has_builtin:
        return Machine.objects.in_space(pool.space).filter(is_builtin=True)
    return Machine.objects.in_pool(pool.pk).order_by("name")
