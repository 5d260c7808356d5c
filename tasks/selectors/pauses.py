"""What is paused, for the queue and for pages."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet

from common.prepared import Rows
from domain.queue import PauseRule
from environments.models import Environment
from pools.models import WorkerPool
from spaces.models import Space
from tasks.models import Pause, PauseMode

#: What can be paused; None is everything on this server, in all spaces.
Scope = WorkerPool | Environment | None

EVERYTHING = Q(pool__isnull=True, environment__isnull=True)


# Asked for at each look at the queue.
_pauses = Rows(
    lambda: Pause.objects.order_by("pk").values_list(
        "environment_id", "pool_id", "environment__name", "pool__name", "reason", "created_by_name", "mode"
    )
)
_stopped_spaces = Rows(lambda: Space.objects.filter(is_queue_stopped=True).values_list("pk", "name"))


def rules() -> list[PauseRule]:
    """All that is paused, as the queue sees it: everything first, then spaces, environments and pools."""
    found = [_rule(*row) for row in _pauses()] + [_stopped(*row) for row in _stopped_spaces()]
    return sorted(found, key=lambda one: (one.pool or 0, one.environment or 0, one.space or 0))


def _stopped(space_id: int, name: str) -> PauseRule:
    """Tasks of a space whose queue is stopped go on once they have begun."""
    reason = "its task queue is stopped in the settings of the space"
    return PauseRule(f"Space {name}", reason, is_drain=True, space=space_id)


def _rule(
    environment: int | None,
    pool: int | None,
    environment_name: str | None,
    pool_name: str | None,
    reason: str,
    by: str,
    mode: str,
) -> PauseRule:
    return PauseRule(
        label=label(pool_name, environment_name),
        reason=reason,
        by=by,
        is_drain=mode == PauseMode.DRAIN,
        environment=environment,
        pool=pool,
    )


def label(pool_name: str | None, environment_name: str | None) -> str:
    """What is paused, to begin a sentence with."""
    if environment_name is not None:
        return f"Environment {environment_name}"
    return f"Worker pool {pool_name}" if pool_name is not None else "Everything"


def of(scope: Scope) -> QuerySet[Pause]:
    """The pause of exactly this."""
    if scope is None:
        return Pause.objects.filter(EVERYTHING)
    if isinstance(scope, WorkerPool):
        return Pause.objects.filter(pool=scope)
    return Pause.objects.filter(environment=scope)


def standing(scope: Scope) -> Pause | None:
    return of(scope).order_by("pk").first()


def by_pool(pool_ids: Collection[int]) -> dict[int, Pause]:
    return {pause.pool_id or 0: pause for pause in Pause.objects.filter(pool__in=pool_ids)}


def by_environment(environment_ids: Collection[int]) -> dict[int, Pause]:
    found = Pause.objects.filter(environment__in=environment_ids)
    return {pause.environment_id or 0: pause for pause in found}
