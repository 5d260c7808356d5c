"""Spaces as people know them: with a default worker pool, an audit line, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models, transaction

from accounts.models import User
from accounts.services import events
from common.usage import CannotDelete, InUse, Use
from pools.models import WorkerPool
from pools.services import pools
from spaces.models import Space, SpaceOwned
from spaces.selectors import default_space
from spaces.services import spaces
from workers.models import EnrolmentCode, Machine

DEFAULT_SPACE = "Default"
DEFAULT_POOL = "Default Worker Pool"
DEFAULT_POOL_DESCRIPTION = "Runs the steps that name no pool."


class CannotDeleteDefault(CannotDelete):
    pass


@transaction.atomic
def install() -> Space:
    """The default space with its default pool, made where they are missing; any number of times."""
    space = default_space() or spaces.create(name=DEFAULT_SPACE, is_default=True)
    _ensure_default_pool(space)
    return space


@transaction.atomic
def create(*, name: str, description: str = "", user: User | None = None) -> Space:
    """With its default pool. Raises IntegrityError where the name is taken."""
    space = spaces.create(name=name, description=description)
    _record(space, user=user, category="Created", message=f"Created space {space}.")
    _ensure_default_pool(space)
    return space


@transaction.atomic
def edit(space: Space, *, name: str, description: str, user: User | None) -> Space:
    spaces.edit(space, name=name, description=description)
    _record(space, user=user, category="Modified", message=f"Changed space {space}.")
    return space


@transaction.atomic
def delete(space: Space, *, user: User | None) -> None:
    """Raises `CannotDeleteDefault`, and `common.usage.InUse` where the space is not empty."""
    if space.is_default:
        raise CannotDeleteDefault("The default space cannot be deleted.")
    uses = list(contents(space))
    if uses:
        raise InUse(space, uses)
    events.record(
        user=user, category="Deleted", subject=space, message=f"Deleted space {space}.", space=default_space()
    )
    for model in (EnrolmentCode, Machine, WorkerPool):
        model.objects.filter(space=space).delete()
    space.delete()


def contents(space: Space) -> Iterator[Use]:
    """What is in a space, counted per kind; what it was born with does not count."""
    for model in apps.get_models():
        if not issubclass(model, SpaceOwned) or model is EnrolmentCode:
            continue
        count = _worth_keeping(model, space).count()
        if count:
            noun = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            yield Use(kind=str(model._meta.verbose_name).capitalize(), label=f"{count} {noun}", url="")


def _worth_keeping(model: type[SpaceOwned], space: Space) -> models.QuerySet[Any]:
    if model is WorkerPool:
        return WorkerPool.objects.in_space(space).filter(is_default=False)
    if model is Machine:
        return Machine.objects.in_space(space).filter(is_builtin=False)
    return model.objects.in_space(space)


def _ensure_default_pool(space: Space) -> None:
    if WorkerPool.objects.in_space(space).filter(is_default=True).exists():
        return
    pools.create(space=space, name=DEFAULT_POOL, description=DEFAULT_POOL_DESCRIPTION, is_default=True)


def _record(space: Space, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=space, message=message, space=space)
