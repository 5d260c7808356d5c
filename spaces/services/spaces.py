"""Rows of spaces. What a space is born with, and what keeps it from being deleted, is known above: see
`octoworkers.services.spaces`."""

from __future__ import annotations

from common.slugs import unique_slug
from spaces.models import Space


def create(*, name: str, description: str = "", is_default: bool = False) -> Space:
    """Raises IntegrityError where the name is taken, or where there is a default space already."""
    return Space.objects.create(
        name=name,
        slug=unique_slug(name, Space.objects.all(), fallback="space"),
        description=description,
        is_default=is_default,
    )


def edit(space: Space, *, name: str, description: str, is_queue_stopped: bool | None = None) -> Space:
    """The slug stays, so that addresses keep working. `is_queue_stopped` None leaves that as it is."""
    space.name, space.description = name, description
    if is_queue_stopped is not None:
        space.is_queue_stopped = is_queue_stopped
    space.save(update_fields=["name", "description", "is_queue_stopped", "updated_at"])
    return space
