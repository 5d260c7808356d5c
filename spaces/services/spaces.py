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


def edit(space: Space, *, name: str, description: str) -> Space:
    """The slug stays, so that addresses keep working."""
    space.name, space.description = name, description
    space.save(update_fields=["name", "description", "updated_at"])
    return space
