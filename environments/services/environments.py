from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import ordering
from common.slugs import unique_slug
from common.usage import delete_unused
from environments.models import Environment
from spaces.models import Space


@transaction.atomic
def create(
    *,
    space: Space,
    name: str,
    description: str = "",
    hue: int = 1,
    guided_failure: bool = False,
    user: User | None = None,
) -> Environment:
    """At the end of the list. Raises IntegrityError where the name is taken."""
    siblings = Environment.objects.in_space(space)
    environment = Environment.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, siblings, fallback="environment"),
        description=description,
        hue=hue,
        guided_failure=guided_failure,
        sort_order=ordering.next_place(siblings),
    )
    _record(environment, user=user, category="Created", message=f"Created environment {environment}.")
    return environment


@transaction.atomic
def edit(
    environment: Environment,
    *,
    name: str,
    description: str,
    hue: int,
    guided_failure: bool,
    user: User | None,
) -> Environment:
    before = environment.name
    environment.name, environment.description, environment.hue = name, description, hue
    environment.guided_failure = guided_failure
    environment.save(update_fields=["name", "description", "hue", "guided_failure", "updated_at"])
    renamed = f", formerly {before}" if before != name else ""
    message = f"Changed environment {environment}{renamed}."
    _record(environment, user=user, category="Modified", message=message)
    return environment


@transaction.atomic
def reorder(*, space: Space, ids: Sequence[int], user: User | None) -> None:
    """Raises `common.ordering.StaleOrder` where an id is not an environment of the space."""
    ordering.reorder(Environment.objects.in_space(space), ids)
    events.record(
        user=user,
        category="Modified",
        subject=space,
        message="Changed the order of the environments.",
        space=space,
    )


@transaction.atomic
def delete(environment: Environment, *, user: User | None) -> None:
    """Raises `common.usage.InUse`."""
    _record(environment, user=user, category="Deleted", message=f"Deleted environment {environment}.")
    delete_unused(environment)


def _record(environment: Environment, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=environment, message=message, space=environment.space)
