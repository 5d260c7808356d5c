"""The only writer of pauses: a pool, an environment, or everything, stopped by somebody with a reason."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import live
from common.prepared import Rows
from domain.queue import PauseRule
from pools.models import WorkerPool
from spaces.models import Space
from tasks.engine.drivers.base import Job, place_soon, request
from tasks.models import Pause, PauseMode
from tasks.selectors.pauses import Scope, label, of

_standing = Rows(
    lambda: Pause.objects.filter(mode=PauseMode.PAUSE).values_list(
        "pool_id", "environment_id", "created_by_name", "reason", "pool__name", "environment__name"
    )
)


def reason_for(*, pool_id: int | None, environment_id: int) -> str:
    """Why no step may start there now, as a sentence; empty if it may. `pool_id` None stands for a
    deployment target, which no pool's pause concerns. A drain lets steps of active runs
    start."""
    for pool, environment, by, reason, pool_name, environment_name in _standing():
        if pool in (None, pool_id) and environment in (None, environment_id):
            return PauseRule(label(pool_name, environment_name), reason, by).sentence
    return ""


@transaction.atomic
def pause(scope: Scope, *, mode: PauseMode, reason: str, user: User, now: datetime) -> Pause:
    """Stops a pool, an environment, or everything. What is stopped already gets the new mode and reason."""
    found = list(of(scope).select_for_update().order_by("pk"))
    # Everything may stand there twice, once for each mode, when two people stop it at the same moment.
    Pause.objects.filter(pk__in=[one.pk for one in found[1:]]).delete()
    pause = found[0] if found else _new(scope)
    pause.mode, pause.reason, pause.created_at = mode, reason, now
    pause.created_by, pause.created_by_name = user, str(user)
    pause.save()
    verb = "Paused" if mode == PauseMode.PAUSE else "Started draining"
    _record(pause, scope, user, verb, f"{verb} {_named(scope)}: {reason}")
    # A drain lets go on what a pause before it held.
    place_soon()
    return pause


def _new(scope: Scope) -> Pause:
    if scope is None:
        return Pause()
    return Pause(pool=scope) if isinstance(scope, WorkerPool) else Pause(environment=scope)


@transaction.atomic
def resume(scope: Scope, *, user: User) -> None:
    """Lets go on what waits. Harmless where nothing is paused."""
    found = list(of(scope).select_for_update().order_by("pk"))
    if found:
        _record(found[0], scope, user, "Resumed", f"Resumed {_named(scope)}.")
        Pause.objects.filter(pk__in=[one.pk for one in found]).delete()
        request(Job.ADMIT)
        place_soon()


def _named(scope: Scope) -> str:
    if scope is None:
        return "everything"
    return f"worker pool {scope}" if isinstance(scope, WorkerPool) else f"environment {scope}"


def _record(pause: Pause, scope: Scope, user: User, category: str, message: str) -> None:
    """Pages of all spaces hear of a pause of everything."""
    space = scope.space if scope else None
    events.record(user=user, category=category, subject=scope or pause, message=message, space=space)
    for space_id in [space.pk] if space else Space.objects.values_list("pk", flat=True):
        live.nudge(space_id, "tasks", "pools")
