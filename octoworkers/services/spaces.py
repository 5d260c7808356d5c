"""Spaces as people know them: with what everything else needs, an audit line, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models, transaction

from accounts.models import User
from accounts.services import events
from common.usage import CannotDelete, InUse, Use
from environments.models import Lifecycle
from environments.services import lifecycles
from packages.models import Feed
from packages.services import feeds
from pools.models import WorkerPool
from pools.services import pools
from projects.models import ProjectGroup
from projects.services import project_groups
from spaces.models import Space, SpaceOwned
from spaces.selectors import default_space
from spaces.services import spaces
from tasks.engine.drivers.base import Job, request
from workers.models import EnrolmentCode, Machine

DEFAULT_SPACE = "Default"
DEFAULT_POOL = "Default Worker Pool"
DEFAULT_POOL_DESCRIPTION = "Runs the steps that name no pool."


class CannotDeleteDefault(CannotDelete):
    pass


@transaction.atomic
def install() -> Space:
    """The default space with what a space is born with, made where they are missing; any number of times."""
    space = default_space() or spaces.create(name=DEFAULT_SPACE, is_default=True)
    _ensure_defaults(space)
    return space


@transaction.atomic
def create(*, name: str, description: str = "", user: User | None = None) -> Space:
    """With what a space is born with. Raises IntegrityError where the name is taken."""
    space = spaces.create(name=name, description=description)
    _record(space, user=user, category="Created", message=f"Created space {space}.")
    _ensure_defaults(space)
    return space


@transaction.atomic
def edit(
    space: Space, *, name: str, description: str, is_queue_stopped: bool | None = None, user: User | None
) -> Space:
    """`is_queue_stopped` None leaves the task queue as it is."""
    was_stopped = space.is_queue_stopped
    spaces.edit(space, name=name, description=description, is_queue_stopped=is_queue_stopped)
    queue = ""
    if space.is_queue_stopped != was_stopped:
        queue = " Stopped its task queue." if space.is_queue_stopped else " Started its task queue."
        request(Job.ADMIT)
    _record(space, user=user, category="Modified", message=f"Changed space {space}.{queue}")
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
    for model in (EnrolmentCode, Machine, WorkerPool, Feed, ProjectGroup, Lifecycle):
        model.objects.filter(space=space).delete()
    space.delete()


#: Nothing that anybody would miss.
_BORN_WITH = (EnrolmentCode, Feed)


def contents(space: Space) -> Iterator[Use]:
    """What is in a space, counted per kind; what it was born with does not count."""
    for model in apps.get_models():
        if not issubclass(model, SpaceOwned) or model in _BORN_WITH:
            continue
        count = _worth_keeping(model, space).count()
        if count:
            noun = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
            yield Use(kind=str(model._meta.verbose_name).capitalize(), label=f"{count} {noun}", url="")


def _worth_keeping(model: type[SpaceOwned], space: Space) -> models.QuerySet[Any]:
    if model in (WorkerPool, ProjectGroup, Lifecycle):
        return model.objects.in_space(space).filter(is_default=False)
    if model is Machine:
        return Machine.objects.in_space(space).filter(is_builtin=False)
    return model.objects.in_space(space)


def _ensure_defaults(space: Space) -> None:
    lifecycles.ensure_default(space)
    project_groups.ensure_default(space)
    feeds.built_in(space)
    if WorkerPool.objects.in_space(space).filter(is_default=True).exists():
        return
    pools.create(space=space, name=DEFAULT_POOL, description=DEFAULT_POOL_DESCRIPTION, is_default=True)


def _record(space: Space, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=space, message=message, space=space)
