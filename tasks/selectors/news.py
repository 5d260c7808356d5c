"""What became of somebody's own runs since they last looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from common.statuses import status_of
from spaces.models import Space
from tasks.models import UNFINISHED, Interruption, ServerTask

#: Runs that are told at once; whoever has more looks at the list.
MOST = 20


@dataclass(frozen=True)
class News:
    """`words` say what happened; `kind` is a kind of `common.statuses`."""

    task: ServerTask
    words: str
    kind: str


def since(space: Space, user: User, moment: datetime) -> list[News]:
    """Runs that this user started, not those of schedules, and that ended or ask something after it."""
    own = _own(space, user).select_related("environment").defer("plan")
    ended = own.filter(completed_at__gt=moment).order_by("completed_at")[:MOST]
    asking = Interruption.objects.filter(closed_at__isnull=True, opened_at__gt=moment)
    waiting = own.filter(pk__in=asking.values("task"), state__in=UNFINISHED).order_by("pk")[:MOST]
    return [*map(_ended, ended), *map(_waiting, waiting)]


def unfinished(space: Space, user: User) -> int:
    """How many of them may still have news to come."""
    return _own(space, user).filter(state__in=UNFINISHED).count()


def _own(space: Space, user: User) -> QuerySet[ServerTask]:
    visible = ServerTask.objects.visible_to(user).in_space(space)
    return visible.filter(created_by=user, trigger_name="")


def _ended(task: ServerTask) -> News:
    status = status_of(task.look, family="run")
    return News(task, status.label, str(status.kind))


def _waiting(task: ServerTask) -> News:
    return News(task, "Waits for an answer", "hold")
