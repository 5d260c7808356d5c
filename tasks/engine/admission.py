"""Takes runs out of the queue: oldest first, one at a time per slot key, up to the node's cap."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Min

from domain import runs
from tasks.engine.advance import advance
from tasks.models import ACTIVE, ServerTask, TaskState


def admit(*, now: datetime) -> None:
    """Admits what may start now; each run in a transaction of its own."""
    for task_id in _next():
        try:
            with transaction.atomic():
                advance(task_id, runs.Admitted(), now=now)
        except IntegrityError:
            # Another node has just admitted a run with the same key: this one waits its turn.
            continue


def _next() -> list[int]:
    """The oldest queued run of each slot key that has no active one, as far as the cap allows."""
    if not ServerTask.objects.filter(state=TaskState.QUEUED).exists():
        return []
    active = ServerTask.objects.filter(state__in=ACTIVE).order_by()
    free = settings.TASK_CAP - active.count()
    if free <= 0:
        return []
    queued = ServerTask.objects.filter(state=TaskState.QUEUED).exclude(slot_key__in=active.values("slot_key"))
    firsts = queued.order_by().values("slot_key").annotate(first=Min("pk")).order_by("first")
    return list(firsts.values_list("first", flat=True)[:free])
