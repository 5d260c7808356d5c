"""Who owns a row that names its owner by kind and id, because owners live in higher apps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """The owner as people know it, and the address of the page that shows the row."""

    label: str
    url: str


Resolver = Callable[[Collection[int]], Mapping[int, Owner]]
"""Owners by id, for all ids at once; ids that do not exist (any more) are left out."""


class Owners:
    """Resolvers by kind. Higher apps register theirs in `AppConfig.ready`."""

    def __init__(self) -> None:
        self._resolvers: dict[str, Resolver] = {}

    def register(self, kind: str, resolver: Resolver) -> None:
        self._resolvers[kind] = resolver

    def resolve(self, pairs: Collection[tuple[str, int]]) -> dict[tuple[str, int], Owner]:
        """Owners by (kind, id), one call per kind."""
        found: dict[tuple[str, int], Owner] = {}
        for kind in {kind for kind, _ in pairs}:
            ids = {pk for one, pk in pairs if one == kind}
            resolver = self._resolvers.get(kind)
            owners = resolver(ids) if resolver else {}
            found |= {(kind, pk): owner for pk, owner in owners.items()}
        return found
