from __future__ import annotations

from spaces.models import Space


def default_space() -> Space | None:
    """The space of the pages under /. None only before the first migration has run."""
    return Space.objects.filter(is_default=True).first()


def by_slug(slug: str) -> Space | None:
    return Space.objects.filter(slug=slug).first()
