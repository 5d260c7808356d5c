"""What waits, for how long, and for what: tasks for their turn, steps for a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from domain.queue import Words
from octoworkers.selectors.rows import rows
from spaces.models import Space
from tasks.models import ACTIVE, UNFINISHED, Execution, ServerTask, StepState, TaskState
from tasks.selectors.queue import StepWait, in_line, why_steps_wait, why_waiting

SHOWN = 6


@dataclass(frozen=True)
class Waiting:
    """`words` say why, `line` is its place among those that wait for the same, empty where there is none."""

    task: ServerTask
    since: datetime
    words: Words
    line: str = ""


@dataclass(frozen=True)
class Queue:
    """`running` are the tasks of which no step waits; `entries` the first that wait, of `total`."""

    running: int
    total: int
    oldest: datetime | None
    entries: Sequence[Waiting]
    by_pool: dict[int, int]


def queue(space: Space, user: Any, *, now: datetime) -> Queue:
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
    turns = _waiting_turns(space, user, now=now) if counts["queued"] else []
    return Queue(
        running=counts["active"] - waiting,
        total=counts["queued"] + waiting,
        oldest=min(
            (one for one in (counts["oldest"], *(step.since for step in steps[:1])) if one), default=None
        ),
        entries=[*steps, *turns][:SHOWN],
        by_pool=by_pool,
    )


def _waiting(space: Space, user: Any) -> QuerySet[Execution]:
    tasks = ServerTask.objects.visible_to(user).in_space(space).filter(state__in=ACTIVE)
    return Execution.objects.filter(state=StepState.WAITING, task__in=tasks)


def _waiting_by_pool(space: Space, user: Any) -> dict[int, int]:
    rows = _waiting(space, user).order_by().values_list("pool_id").annotate(n=Count("pk"))
    return {pool_id or 0: count for pool_id, count in rows}


def _waiting_steps(space: Space, user: Any) -> list[Waiting]:
    shown = (
        "name",
        "state",
        "pool_id",
        "pool_name",
        "waiting_for",
        "waiting_since",
        "task__name",
        "task__queued_at",
    )
    found = _waiting(space, user).select_related("task").only(*shown).order_by("waiting_since", "pk")
    steps = list(found[:SHOWN])
    waits = why_steps_wait(steps)
    return [
        Waiting(step.task, step.waiting_since or step.task.queued_at, _step_words(step, waits.get(step.pk)))
        for step in steps
    ]


def _step_words(step: Execution, wait: StepWait | None) -> Words:
    return wait.words if wait else (f"{step.name} waits for a worker of {step.pool_name or 'its pool'}.",)


def _waiting_turns(space: Space, user: Any, *, now: datetime) -> list[Waiting]:
    """The first in line; those that only wait for their time come last."""
    found = rows(space, user).filter(state=TaskState.QUEUED).order_by("-queue_rank", "pk")
    is_due = Q(start_at__isnull=True) | Q(start_at__lte=now)
    tasks = list(found.filter(is_due)[:SHOWN])
    if len(tasks) < SHOWN:
        tasks += found.exclude(is_due).order_by("start_at")[: SHOWN - len(tasks)]
    waits = why_waiting(tasks, now=now)
    return [
        Waiting(task, task.queued_at, waits[task.pk].words, in_line(waits[task.pk]))
        for task in tasks
        if task.pk in waits
    ]
