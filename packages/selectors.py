from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Sum

from packages.models import Feed, FeedType, Package
from spaces.models import Space


@dataclass(frozen=True)
class Versions:
    """What there is of one package ID: how many versions, and their size together in bytes."""

    count: int
    size: int


def packages(viewer: Any, space: Space, *, text: str = "") -> QuerySet[Package]:
    """The newest version of each package, by ID; those whose ID has `text` in it."""
    found = Package.objects.visible_to(viewer).in_space(space).newest()
    # PostgreSQL refuses a text with a NUL in it.
    words = text.replace("\0", "").lower()
    return found.filter(id_key__contains=words) if words else found


def versions(viewer: Any, space: Space, package_id: str) -> QuerySet[Package]:
    """All versions of one package, the newest first."""
    return Package.objects.visible_to(viewer).in_space(space).filter(id_key=package_id.lower())


def counts(packages: Iterable[Package]) -> dict[str, Versions]:
    """By `id_key`, for packages of one space."""
    rows = list(packages)
    spaces, keys = {row.space_id for row in rows}, {row.id_key for row in rows}
    same = Package.objects.filter(space__in=spaces, id_key__in=keys)
    found = same.order_by().values_list("id_key").annotate(Count("pk"), Sum("size"))
    return {key: Versions(count, size) for key, count, size in found}


def find(space: Space | int, package_id: str, version: str) -> Package | None:
    """Without regard to upper and lower case; a space may be given by its key."""
    found: Package | None = Package.objects.filter(
        space=space, id_key=package_id.lower(), version_key=version.lower()
    ).first()
    return found


def newest_versions(space: Space, package_id: str, count: int) -> tuple[str, ...]:
    """The newest first."""
    rows = Package.objects.in_space(space).filter(id_key=package_id.lower()).order_by("-sort_key", "-pk")
    return tuple(rows.values_list("version", flat=True)[:count])


def latest(space: Space, package_id: str) -> Package | None:
    """The highest version, pre-releases included."""
    found: Package | None = (
        Package.objects.in_space(space).filter(id_key=package_id.lower()).order_by("-sort_key", "-pk").first()
    )
    return found


def built_in_feed(space: Space) -> Feed | None:
    """None before anything was pushed into a space that is older than its feed."""
    found: Feed | None = Feed.objects.in_space(space).filter(feed_type=FeedType.BUILT_IN).first()
    return found
