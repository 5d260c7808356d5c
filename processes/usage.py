"""How steps use worker pools, for `common.usage`."""

from __future__ import annotations

from django.db import models

from common.usage import Use
from processes import owners
from processes.models import Action, PoolChoice


def of_pool(pool: models.Model) -> list[Use]:
    """Steps on this pool, also those that only keep it as the choice that they do not use now."""
    actions = Action.objects.filter(worker_pool__pk=pool.pk).select_related("step__process").order_by("pk")
    known = owners.resolve([_owner_of(action) for action in actions])
    return [_use(action, known[_owner_of(action)]) for action in actions if _owner_of(action) in known]


def _owner_of(action: Action) -> tuple[str, int]:
    return action.step.process.owner_kind, action.step.process.owner_id


def _use(action: Action, owner: owners.Owner) -> Use:
    kept = "" if action.pool_choice == PoolChoice.SPECIFIC else ", kept while a variable picks the pool"
    return Use(
        kind="Step",
        label=f"{action.step.name} of {owner.label}{kept}",
        url=f"{owner.url}steps/{action.step.slug}/",
    )
