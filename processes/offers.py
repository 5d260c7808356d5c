"""What steps may name that higher apps have: those apps say here what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spaces.models import Space

Choices = Sequence[tuple[str, str]]
Groups = Sequence[tuple[str, Choices]]
"""Choices by value and label, in named groups."""
Provider = Callable[[Any, Space], Iterable[tuple[str, Choices]]]
"""What a user sees in a space, in few queries."""

RUNBOOKS, PROJECTS = "runbooks", "projects"
_providers: dict[str, Provider] = {}


def register(kind: str, provider: Provider) -> None:
    """Called in an AppConfig's `ready`."""
    _providers[kind] = provider


def offered(kind: str, user: Any, space: Space) -> Groups:
    """Empty where no app has such a thing."""
    provider = _providers.get(kind)
    return list(provider(user, space)) if provider else []
