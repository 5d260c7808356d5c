"""The places of the application: for the sidebar, for the palette, and for changing between spaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.permissions import Permission, can
from octoworkers.selectors.server import Counts
from spaces.models import Space


@dataclass(frozen=True)
class Place:
    """A page to go to. `counted` names the field of `Counts` that stands beside it."""

    label: str
    icon: str
    url_name: str
    permission: Permission = Permission.VIEW
    counted: str = ""


PLACES: dict[str, tuple[Place, ...]] = {
    "": (
        Place("Dashboard", "layout-dashboard", "dashboard"),
        Place("Tasks", "list-checks", "task_list", counted="active"),
    ),
    "Deliver": (
        Place("Projects", "folder-git-2", "project_list"),
        Place("Runbooks", "book-open-text", "runbook_list"),
        Place("Tenants", "building-2", "tenant_list"),
    ),
    "Infrastructure": (
        Place("Worker pools", "boxes", "pool_list", counted="pools"),
        Place("Workers", "server", "worker_list", counted="workers"),
        Place("Targets", "crosshair", "target_list", counted="targets"),
        Place("Environments", "layers", "environment_list", counted="environments"),
        Place("Lifecycles", "workflow", "lifecycle_list"),
    ),
    "Library": (
        Place("Variable sets", "variable", "library_set_list"),
        Place("Accounts", "key-round", "account_list"),
        Place("Certificates", "shield-check", "certificate_list"),
        Place("Packages", "package", "package_list"),
        Place("Step templates", "copy", "template_list"),
        Place("Tag sets", "tags", "tag_set_list"),
    ),
    "Administration": (
        Place("Audit", "scroll-text", "audit", Permission.VIEW_AUDIT),
        Place("Users", "users", "user_list", Permission.EDIT_USER),
        Place("Spaces", "settings", "space_list", Permission.EDIT_SPACE),
        Place("Nodes", "waypoints", "node_list", Permission.EDIT_SERVER),
    ),
}


@dataclass(frozen=True)
class Item:
    """A link of the sidebar; `dot` marks a count of things that go on right now."""

    label: str
    url: str
    icon: str
    active: bool
    count: int | None
    dot: bool


@dataclass(frozen=True)
class Group:
    label: str
    items: list[Item]


@dataclass(frozen=True)
class SpaceLink:
    pk: int
    name: str
    url: str


def places_for(user: Any) -> Iterator[tuple[str, Place]]:
    """The places that this user may see, each with the label of its group."""
    for label, places in PLACES.items():
        for place in places:
            if can(user, place.permission):
                yield label, place


def groups(user: Any, counts: Counts, *, path: str) -> list[Group]:
    found: dict[str, list[Item]] = {}
    for label, place in places_for(user):
        found.setdefault(label, []).append(_item(place, counts, path))
    return [Group(label, items) for label, items in found.items()]


def _item(place: Place, counts: Counts, path: str) -> Item:
    url = reverse(place.url_name)
    count = getattr(counts, place.counted) if place.counted else None
    is_live = place.counted == "active"
    return Item(
        label=place.label,
        url=url,
        icon=place.icon,
        active=path == url if place.url_name == "dashboard" else path.startswith(url),
        count=None if is_live and not count else count,
        dot=is_live,
    )


def space_links(user: Any, current: Space | None, *, prefix: str) -> list[SpaceLink]:
    """The spaces that this user may see. `prefix` is the script prefix of the current one."""
    root = prefix.removesuffix(f"s/{current.slug}/") if current else prefix
    return [
        SpaceLink(space.pk, space.name, root if space.is_default else f"{root}s/{space.slug}/")
        for space in Space.objects.visible_to(user)
    ]
