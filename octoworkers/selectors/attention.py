"""What somebody should look at: questions of runs, own runs that failed, steps of unknown outcome, workers
that are gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from accounts.permissions import Permission, can
from octoworkers.selectors.figures import FAILURES
from octoworkers.selectors.rows import rows
from spaces.models import Space
from tasks.models import Execution, Interruption, ServerTask, StepState
from workers.models import Health, Machine

SHOWN = 5
#: So many of the newest failures are looked at.
LOOKED_AT = 100
#: Counting open questions stops here: nobody reads on.
COUNT_UP_TO = 1000


@dataclass(frozen=True)
class Attention:
    """The first of each kind, and the number of all of them."""

    questions: Sequence[Interruption] = ()
    failed: Sequence[ServerTask] = ()
    unknown: Sequence[Execution] = ()
    lost: Sequence[Machine] = ()
    count: int = 0
    more_failed: bool = False


def attention(space: Space, user: Any, *, since: datetime, lost: int) -> Attention:
    """For somebody who may run things; nobody else can do anything about them. `lost` is the number of
    workers that lost contact."""
    if not can(user, Permission.RUN):
        return Attention()
    failures = _open_failures(space, user, since)
    unknown = _unknown_steps([one.pk for one in failures if one.has_unknown])
    own = [one.pk for one in failures if one.created_by_id == user.pk and not one.has_unknown]
    asked = _open_questions(space, user)
    return Attention(
        questions=_first(asked),
        failed=list(rows(space, user).filter(pk__in=own[:SHOWN])) if own else (),
        unknown=unknown[:SHOWN],
        lost=_lost_workers(space, user) if lost else (),
        count=asked.values("pk")[:COUNT_UP_TO].count() + len(own) + len(unknown) + lost,
        more_failed=len(own) > SHOWN,
    )


def _open_questions(space: Space, user: Any) -> QuerySet[Interruption]:
    visible = ServerTask.objects.visible_to(user).in_space(space)
    return Interruption.objects.filter(closed_at__isnull=True, task__in=visible).order_by("id")


def _first(asked: QuerySet[Interruption]) -> list[Interruption]:
    """Those that wait longest, without the plans of their runs."""
    found = asked.select_related("execution", "task__environment", "task__tenant", "taken_by")
    return list(found.defer("task__plan")[:SHOWN])


class _Failure(NamedTuple):
    pk: int
    created_by_id: int | None
    has_unknown: bool


def _open_failures(space: Space, user: Any, since: datetime) -> list[_Failure]:
    """The newest failures after which nobody ran the same in the same place."""
    later = ServerTask.objects.filter(
        # The index finds the project's later tasks; the slot key says which of them are the same.
        project_id=OuterRef("project_id"),
        concurrency_key=OuterRef("concurrency_key"),
        pk__gt=OuterRef("pk"),
    )
    unknown = Execution.objects.filter(task=OuterRef("pk"), state=StepState.UNKNOWN)
    failures = ServerTask.objects.filter(
        pk__in=_newest_failures(space, user), completed_at__gte=since
    ).exclude(Exists(later))
    rows = failures.order_by("-pk").values_list("pk", "created_by_id", Exists(unknown))
    return [_Failure(*row) for row in rows]


def _newest_failures(space: Space, user: Any) -> list[int]:
    """One state at a time: that is how the index has them in order, without a look at the rows."""
    visible = ServerTask.objects.visible_to(user).in_space(space).order_by("-pk").values_list("pk", flat=True)
    found = [pk for state in FAILURES for pk in visible.filter(state=state)[:LOOKED_AT]]
    return sorted(found, reverse=True)[:LOOKED_AT]


def _unknown_steps(task_ids: Collection[int]) -> list[Execution]:
    if not task_ids:
        return []
    found = Execution.objects.filter(task_id__in=task_ids, state=StepState.UNKNOWN)
    return list(found.select_related("task__environment").defer("task__plan").order_by("-task_id", "number"))


def _lost_workers(space: Space, user: Any) -> list[Machine]:
    workers = Machine.objects.visible_to(user).in_space(space).workers()
    machines = workers.filter(is_disabled=False, is_revoked=False)
    gone = machines.filter(health=Health.UNAVAILABLE, is_builtin=False).only("name", "slug", "last_seen_at")
    return list(gone.order_by("-last_seen_at").prefetch_related("pools")[:SHOWN])
