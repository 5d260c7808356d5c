"""What is paused, for the queue and for pages."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet

from domain.queue import PauseRule
from environments.models import Environment
from pools.models import WorkerPool
from spaces.models import Space
from tasks.models import Pause, PauseMode

#: What can be paused; None is everything on this server, in all spaces.
Scope = WorkerPool | Environment | None

EVERYTHING = Q(pool__isnull=True, environment__isnull=True)


def rules() -> list[PauseRule]:
    """All that is paused, as the queue sees it: everything first, then spaces, environments and pools."""
    found = [rule(pause) for pause in Pause.objects.select_related("environment", "pool")]
    found += [_stopped(space) for space in Space.objects.filter(is_queue_stopped=True)]
    return sorted(found, key=lambda one: (one.pool or 0, one.environment or 0, one.space or 0))


def _stopped(space: Space) -> PauseRule:
    """Tasks of a space whose queue is stopped go on once they have begun."""
    reason = "its task queue is stopped in the settings of the space"
    return PauseRule(f"Space {space}", reason, is_drain=True, space=space.pk)


def rule(pause: Pause) -> PauseRule:
    environment, pool = pause.environment, pause.pool
    return PauseRule(
        label=label(pool.name if pool else None, environment.name if environment else None),
        reason=pause.reason,
        by=pause.created_by_name,
        is_drain=pause.mode == PauseMode.DRAIN,
        environment=pause.environment_id,
        pool=pause.pool_id,
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
