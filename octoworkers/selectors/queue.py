"""What waits, for how long, and for what: tasks for their turn, steps for a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from octoworkers.selectors.rows import rows
from spaces.models import Space
from tasks.models import ACTIVE, UNFINISHED, Execution, ServerTask, StepState, TaskState

SHOWN = 6


@dataclass(frozen=True)
class Waiting:
    task: ServerTask
    since: datetime
    reason: str


@dataclass(frozen=True)
class Queue:
    """`running` are the tasks of which no step waits; `entries` the first that wait, of `total`."""

    running: int
    total: int
    oldest: datetime | None
    entries: Sequence[Waiting]
    by_pool: dict[int, int]


def queue(space: Space, user: Any) -> Queue:
    tasks = ServerTask.objects.visible_to(user).in_space(space).filter(state__in=UNFINISHED)
    is_queued = Q(state=TaskState.QUEUED)
    counts = tasks.order_by().aggregate(
        active=Count("pk", filter=Q(state__in=ACTIVE)),
        queued=Count("pk", filter=is_queued),
        oldest=Min("queued_at", filter=is_queued),
    )
    by_pool = _waiting_by_pool(space, user)
    waiting = sum(by_pool.values())
    steps = _waiting_steps(space, user) if waiting else []
    turns = _waiting_turns(space, user) if counts["queued"] else []
    return Queue(
        running=counts["active"] - waiting,
        total=counts["queued"] + waiting,
        oldest=min(
            (one for one in (counts["oldest"], *(step.since for step in steps[:1])) if one), default=None
        ),
        entries=sorted([*steps, *turns], key=lambda entry: entry.since)[:SHOWN],
        by_pool=by_pool,
    )


def _waiting(space: Space, user: Any) -> QuerySet[Execution]:
    tasks = ServerTask.objects.visible_to(user).in_space(space).filter(state__in=ACTIVE)
    return Execution.objects.filter(state=StepState.WAITING, task__in=tasks)


def _waiting_by_pool(space: Space, user: Any) -> dict[int, int]:
    rows = _waiting(space, user).order_by().values_list("pool_id").annotate(n=Count("pk"))
    return {pool_id or 0: count for pool_id, count in rows}


def _waiting_steps(space: Space, user: Any) -> list[Waiting]:
    shown = ("name", "pool_name", "waiting_for", "waiting_since", "task__name", "task__queued_at")
    steps = _waiting(space, user).select_related("task").only(*shown)
    return [
        Waiting(step.task, step.waiting_since or step.task.queued_at, _step_reason(step))
        for step in steps.order_by("waiting_since", "pk")[:SHOWN]
    ]


def _step_reason(step: Execution) -> str:
    return step.waiting_for or f"{step.name} waits for a worker of {step.pool_name or 'its pool'}"


def _waiting_turns(space: Space, user: Any) -> list[Waiting]:
    tasks = list(rows(space, user).filter(state=TaskState.QUEUED).order_by("pk")[:SHOWN])
    keys = {task.slot_key for task in tasks}
    active = ServerTask.objects.filter(slot_key__in=keys, state__in=ACTIVE)
    holders = dict(active.values_list("slot_key", "pk"))
    entries = []
    for task in tasks:
        entries.append(Waiting(task, task.queued_at, _turn_reason(task, holders.get(task.slot_key))))
        # The next one with this key comes after this one.
        holders[task.slot_key] = task.pk
    return entries


def _turn_reason(task: ServerTask, holder: int | None) -> str:
    if task.waiting_for:
        return task.waiting_for
    if holder:
        return f"Behind task {holder} in {task.environment}"
    return "Starts when the server has room for one more run"
