"""Worker pools. Each space has exactly one default pool: it can be swapped, never deleted."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import live, ordering
from common.ordering import next_place
from common.slugs import unique_slug
from common.usage import CannotDelete, delete_unused
from pools.models import WorkerPool
from spaces.models import Space


class CannotDeleteDefault(CannotDelete):
    pass


@transaction.atomic
def create(
    *, space: Space, name: str, description: str = "", user: User | None = None, is_default: bool = False
) -> WorkerPool:
    """Raises IntegrityError where the name is taken, or where the space has a default pool already."""
    siblings = WorkerPool.objects.in_space(space)
    pool = WorkerPool.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, siblings, fallback="pool"),
        description=description,
        is_default=is_default,
        sort_order=next_place(siblings),
    )
    _record(pool, user=user, category="Created", message=f"Created worker pool {pool}.")
    return pool


@transaction.atomic
def edit(pool: WorkerPool, *, name: str, description: str, user: User | None) -> WorkerPool:
    """The slug stays, so that addresses and saved processes keep working."""
    before, pool.name, pool.description = pool.name, name, description
    pool.save(update_fields=["name", "description", "updated_at"])
    renamed = f", formerly {before}" if before != name else ""
    _record(pool, user=user, category="Modified", message=f"Changed worker pool {pool}{renamed}.")
    return pool


@transaction.atomic
def make_default(pool: WorkerPool, *, user: User | None) -> None:
    """Steps that name no pool go to this one from now on; runs that are planned keep their pool."""
    siblings = WorkerPool.objects.in_space(pool.space)
    list(siblings.select_for_update().order_by("pk"))
    siblings.filter(is_default=True).exclude(pk=pool.pk).update(is_default=False)
    siblings.filter(pk=pool.pk).update(is_default=True)
    pool.is_default = True
    _record(pool, user=user, category="Modified", message=f"Made {pool} the default worker pool.")


@transaction.atomic
def reorder(*, space: Space, ids: Sequence[int], user: User | None) -> None:
    """Raises `common.ordering.StaleOrder` where an id is not a pool of the space."""
    ordering.reorder(WorkerPool.objects.in_space(space), ids)
    message = "Changed the order of the worker pools."
    events.record(user=user, category="Modified", subject=space, message=message, space=space)


@transaction.atomic
def delete(pool: WorkerPool, *, user: User | None) -> None:
    """Raises `CannotDeleteDefault`, and `common.usage.InUse` with steps, variables and workers that
    have no other pool."""
    if WorkerPool.objects.select_for_update().get(pk=pool.pk).is_default:
        raise CannotDeleteDefault(f"{pool} is the default pool. Make another pool the default first.")
    _record(pool, user=user, category="Deleted", message=f"Deleted worker pool {pool}.")
    delete_unused(pool)


def _record(pool: WorkerPool, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=pool, message=message, space=pool.space)
    live.nudge(pool.space_id, "pools", f"pool-{pool.pk}")
