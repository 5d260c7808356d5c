"""The only writer of project groups. Each space has exactly one default group, which is never deleted."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import CannotDelete, delete_unused
from projects.models import ProjectGroup
from spaces.models import Space

DEFAULT = "Default Project Group"


class CannotDeleteDefault(CannotDelete):
    pass


@transaction.atomic
def create(
    *, space: Space, name: str, description: str = "", is_default: bool = False, user: User | None = None
) -> ProjectGroup:
    """Raises IntegrityError where the name is taken."""
    group = ProjectGroup.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, ProjectGroup.objects.in_space(space), fallback="group"),
        description=description,
        is_default=is_default,
    )
    _record(group, user=user, category="Created", message=f"Created project group {group}.")
    return group


def ensure_default(space: Space) -> ProjectGroup:
    found: ProjectGroup | None = ProjectGroup.objects.in_space(space).filter(is_default=True).first()
    return found or create(space=space, name=DEFAULT, is_default=True)


@transaction.atomic
def edit(group: ProjectGroup, *, name: str, description: str, user: User | None) -> ProjectGroup:
    group.name, group.description = name, description
    group.save(update_fields=["name", "description", "updated_at"])
    _record(group, user=user, category="Modified", message=f"Changed project group {group}.")
    return group


@transaction.atomic
def delete(group: ProjectGroup, *, user: User | None) -> None:
    """Raises `CannotDeleteDefault`, and `common.usage.InUse` with the projects in it."""
    if group.is_default:
        raise CannotDeleteDefault(f"{group} is the default project group of its space.")
    _record(group, user=user, category="Deleted", message=f"Deleted project group {group}.")
    delete_unused(group)


def _record(group: ProjectGroup, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=group, message=message, space=group.space)
