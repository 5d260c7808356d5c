"""How long tasks that run now usually still take, from what the same took before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from tasks.models import ServerTask, TaskState

SAMPLE = 10
"""Earlier successes that are looked at, the newest ones."""

_ALIKE = ("kind", "project_id", "runbook_id", "environment_id")


def time_left(task_ids: Iterable[int], *, now: datetime) -> dict[int, timedelta]:
    """By task id. A task that never succeeded before, or that is late already, is left out."""
    running = ServerTask.objects.filter(pk__in=set(task_ids), started_at__isnull=False)
    usual: dict[tuple[Any, ...], timedelta | None] = {}
    left: dict[int, timedelta] = {}
    for pk, started_at, *alike in running.values_list("pk", "started_at", *_ALIKE):
        key = tuple(alike)
        if key not in usual:
            usual[key] = _usual_length(dict(zip(_ALIKE, key, strict=True)))
        length = usual[key]
        if length is not None and started_at + length > now:
            left[pk] = started_at + length - now
    return left


def _usual_length(alike: dict[str, Any]) -> timedelta | None:
    done = ServerTask.objects.filter(**alike, state=TaskState.SUCCESS, started_at__isnull=False)
    spans = done.order_by("-pk").values_list("started_at", "completed_at")[:SAMPLE]
    seconds = [(ended - started).total_seconds() for started, ended in spans if started and ended]
    return timedelta(seconds=median(seconds)) if seconds else None
