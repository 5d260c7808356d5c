"""The queue and what stands against it, read into the values of `domain.queue`: the same for the engine,
which admits, and for pages, which explain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from common.prepared import Param, Rows
from domain import runs
from domain.queue import ActiveRun, LockHolder, LockKey, LockWish, PauseRule, QueuedRun
from tasks.models import ACTIVE, Execution, LockHold, LockMode, ServerTask, TaskState

#: States of steps that need their pool no more.
_DONE = tuple(status.value for status in runs.ENDED)
_COLUMNS = (
    "pk",
    "queue_rank",
    "concurrency_key",
    "concurrency_limit",
    "environment_id",
    "space_id",
    "start_at",
    "locks",
    "lock_key",
    "queued_at",
)


def queued() -> QuerySet[ServerTask]:
    """In the order of the queue, which is one for all spaces."""
    return ServerTask.objects.filter(state=TaskState.QUEUED).order_by("-queue_rank", "id")


def _begun(now: Any) -> QuerySet[ServerTask]:
    return queued().filter(Q(start_at__isnull=True) | Q(start_at__lte=now))


def due(now: datetime, pauses: Collection[PauseRule]) -> QuerySet[ServerTask]:
    """Without those that the rule passes over: scheduled for later, or stopped by a pause of a pool, an
    environment or a space."""
    found = _begun(now)
    environments = [pause.environment for pause in pauses if pause.environment is not None]
    pools = [pause.pool for pause in pauses if pause.pool is not None]
    spaces = [pause.space for pause in pauses if pause.space is not None]
    if spaces:
        found = found.exclude(space_id__in=spaces)
    if environments:
        found = found.exclude(environment_id__in=environments)
    if pools:
        found = found.exclude(Exists(_open_steps(pools).filter(task=OuterRef("pk"))))
    return found


# Of which as many run as may: the strictest limit of those that run counts, as the rule says. Of these keys
# nobody can start, whatever a queued run's own limit is.
_full_keys = (
    ServerTask.objects.filter(state__in=ACTIVE)
    .order_by()
    .values("concurrency_key")
    .annotate(running=Count("pk"), strictest=Min("concurrency_limit", filter=Q(concurrency_limit__gt=0)))
    .filter(running__gte=F("strictest"))
    .values("concurrency_key")
)


def startable(now: datetime, pauses: Collection[PauseRule]) -> QuerySet[ServerTask]:
    """What is due, without the keys that are full: a long line costs a comparison for each of its runs,
    and no row. What remains waits for a lock, for room, or for nothing."""
    return due(now, pauses).exclude(concurrency_key__in=_full_keys)


#: Runs that are read in one go: where there is little room, and otherwise.
FEW, PAGE = 10, 100


@cache
def _first_page(size: int) -> Rows:
    rows = _begun(Param("now")).exclude(concurrency_key__in=_full_keys)
    return Rows(lambda: rows.values_list(*_COLUMNS)[:size])


def first_page(size: int, pauses: Collection[PauseRule], *, now: datetime) -> list[QueuedRun]:
    """The first runs of `startable`, by a statement that is compiled once where nothing is paused."""
    if pauses:
        return read(startable(now, pauses)[:size])
    return [_run(row, frozenset()) for row in _first_page(size)(now=now)]


def read(found: QuerySet[ServerTask], pauses: Collection[PauseRule] = ()) -> list[QueuedRun]:
    """Narrow rows without plans, in one query, and one more for their pools while a pool is paused."""
    rows: list[tuple[Any, ...]] = list(found.values_list(*_COLUMNS))
    paused = [pause.pool for pause in pauses if pause.pool is not None]
    pools = _pools([row[0] for row in rows], paused) if paused and rows else {}
    return [_run(row, pools.get(row[0], frozenset())) for row in rows]


def _run(row: Sequence[Any], pools: frozenset[int]) -> QueuedRun:
    pk, rank, key, limit, environment, space, start_at, locks, lock_key, queued_at = row
    return QueuedRun(
        id=pk,
        key=key,
        limit=limit,
        locks=wishes(locks),
        environment=environment,
        pools=pools,
        space=space,
        rank=rank,
        start_at=timezone.localtime(start_at) if start_at else None,
        lock_key=lock_key,
        queued_at=queued_at,
    )


def wishes(locks: Iterable[dict[str, str]]) -> tuple[LockWish, ...]:
    """As `ServerTask.locks` holds them."""
    return tuple(LockWish(one["name"], one["mode"] == LockMode.EXCLUSIVE) for one in locks)


def _open_steps(pools: Collection[int]) -> QuerySet[Execution]:
    return Execution.objects.filter(pool_id__in=pools).exclude(state__in=_DONE)


def _pools(task_ids: Collection[int], pools: Collection[int]) -> dict[int, frozenset[int]]:
    """Which of these pools the tasks still need."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    steps = _open_steps(pools).filter(task_id__in=task_ids)
    for task_id, pool_id in steps.order_by().values_list("task_id", "pool_id"):
        found[task_id].add(pool_id or 0)
    return {task_id: frozenset(ids) for task_id, ids in found.items()}


def with_pools(run: QueuedRun, pools: Collection[int]) -> QueuedRun:
    """The run with those of the pools that its steps still need."""
    return replace(run, pools=_pools([run.id], pools).get(run.id, frozenset())) if pools else run


def active(keys: Collection[str]) -> dict[str, list[ActiveRun]]:
    """The active runs of these keys, oldest first; an empty list for a key without one."""
    found: dict[str, list[ActiveRun]] = {key: [] for key in keys}
    if len(found) <= 1:
        # As the engine asks for each run that it admits.
        return {key: [_active_run(*row) for row in _active_of(key=key)] for key in found}
    rows = ServerTask.objects.filter(state__in=ACTIVE, concurrency_key__in=found).order_by("id")
    for pk, key, slot_key, limit in rows.values_list(
        "pk", "concurrency_key", "slot_key", "concurrency_limit"
    ):
        found[key].append(_active_run(pk, slot_key, limit))
    return found


_active_of = Rows(
    lambda: (
        ServerTask.objects.filter(state__in=ACTIVE, concurrency_key=Param("key"))
        .order_by("id")
        .values_list("pk", "slot_key", "concurrency_limit")
    )
)


def _active_run(pk: int, slot_key: str | None, limit: int) -> ActiveRun:
    return ActiveRun(pk, _slot(slot_key), limit)


def _slot(slot_key: str | None) -> int:
    number = (slot_key or "").rpartition("#")[2]
    return int(number) if number.isdecimal() else 0


def lock_keys(found: Iterable[QueuedRun]) -> set[LockKey]:
    return {(run.space, wish.name) for run in found for wish in run.locks}


def lock_holders(locks: Collection[LockKey]) -> dict[LockKey, list[LockHolder]]:
    """Who holds these locks, first come first; an empty list for one that is free."""
    found: dict[LockKey, list[LockHolder]] = {lock: [] for lock in locks}
    if not found:
        return found
    rows = LockHold.objects.filter(
        lock__space__in={space for space, _ in locks}, lock__name__in={name for _, name in locks}
    )
    for space, name, task, exclusive in rows.order_by("id").values_list(
        "lock__space_id", "lock__name", "task_id", "is_exclusive"
    ):
        if (space, name) in found:
            found[space, name].append(LockHolder(task, exclusive))
    return found
