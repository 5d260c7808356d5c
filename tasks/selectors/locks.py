"""Named locks: who has them and who waits for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.queue import LockWish
from spaces.models import Space
from tasks.models import LockHold, NamedLock, ServerTask, TaskState
from tasks.selectors import lines
from tasks.selectors import tasks as selectors

#: Tasks in the queue that are asked for their locks.
LOOKED_AT = 1000


@dataclass(frozen=True)
class Waiter:
    task: ServerTask
    is_exclusive: bool


@dataclass(frozen=True)
class LockRow:
    """A lock that somebody has or wants. The waiters stand in the order of the queue."""

    name: str
    holds: Sequence[LockHold] = ()
    waiters: list[Waiter] = field(default_factory=list)


def locks_in_use(space: Space, user: Any) -> list[LockRow]:
    """By name. A lock that nobody has or wants is not worth a line."""
    visible = selectors.rows(space, user)
    wanting = visible.filter(state=TaskState.QUEUED).exclude(lock_key="")
    queue = list(wanting.order_by("-queue_rank", "id")[:LOOKED_AT])
    holds = _holds(space)
    rows = {name: LockRow(name, found) for name, found in holds.items()}
    for task in queue:
        for wish in lines.wishes(task.locks):
            rows.setdefault(wish.name, LockRow(wish.name)).waiters.append(_waiter(task, wish))
    return sorted(rows.values(), key=lambda row: row.name)


def _holds(space: Space) -> dict[str, list[LockHold]]:
    found: defaultdict[str, list[LockHold]] = defaultdict(list)
    rows = LockHold.objects.filter(lock__in=NamedLock.objects.in_space(space))
    for hold in rows.select_related("lock", "task__environment").defer("task__plan").order_by("id"):
        found[hold.lock.name].append(hold)
    return found


def _waiter(task: ServerTask, wish: LockWish) -> Waiter:
    return Waiter(task, wish.is_exclusive)
