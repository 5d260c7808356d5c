"""The only writer of named locks and of who holds them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from domain.queue import QueuedRun
from spaces.models import Space
from tasks.models import LockHold, NamedLock


def ensure(space: Space, names: Iterable[str]) -> None:
    """Makes a lock exist before a run waits for it. `names` in lower case."""
    rows = [NamedLock(space=space, name=name) for name in sorted(set(names))]
    if rows:
        NamedLock.objects.bulk_create(rows, ignore_conflicts=True)


def hold(run: QueuedRun) -> None:
    """Until the end of the transaction nobody else decides about the locks that the run wants. In the order
    of their names, so that two runs never wait for each other here."""
    if run.locks:
        list(_wanted(run).select_for_update().order_by("name").values_list("pk"))


def take(run: QueuedRun) -> None:
    """Gives a run its locks, in the transaction in which `hold` was called. Raises IntegrityError where a
    lock is not free."""
    if not run.locks:
        return
    ids = dict(_wanted(run).values_list("name", "pk"))
    LockHold.objects.bulk_create(
        LockHold(lock_id=ids[wish.name], task_id=run.id, is_exclusive=wish.is_exclusive) for wish in run.locks
    )


def release(task_id: int, *, now: datetime) -> None:
    """When a run ends. Whoever ends it asks for an admission, so that the next in line goes on."""
    NamedLock.objects.filter(holds__task=task_id).update(last_task_id=task_id, released_at=now)
    LockHold.objects.filter(task_id=task_id).delete()


def _wanted(run: QueuedRun) -> QuerySet[NamedLock]:
    names = [wish.name for wish in run.locks]
    return NamedLock.objects.filter(space_id=run.space, name__in=names)
