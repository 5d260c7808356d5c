"""The processes that a step can be copied to. The apps that own processes say which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from spaces.models import Space


@dataclass(frozen=True)
class Destination:
    """A process that the user may edit, by its owner; it may not exist yet. `group` is the project."""

    kind: str
    owner_id: int
    label: str
    group: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.owner_id}"


Provider = Callable[[Any, Space], Iterable[Destination]]
"""The destinations of one kind for a user in a space, in few queries."""

_providers: list[Provider] = []


def register(provider: Provider) -> None:
    _providers.append(provider)


def destinations(user: Any, space: Space) -> list[Destination]:
    """Sorted by project, its deployment process first."""
    found = [one for provider in _providers for one in provider(user, space)]
    return sorted(found, key=lambda one: (one.group.casefold(), one.kind != "project", one.label.casefold()))
