"""Values that runs find beside those of a set: a higher app knows which sets its projects put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domain.variables import Candidate
from variables.models import VariableSet


@dataclass(frozen=True)
class Neighbour:
    """Who puts the values together, and the others of them."""

    label: str
    candidates: tuple[Candidate, ...]


Source = Callable[[VariableSet], Iterable[Neighbour]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Called in an AppConfig's `ready`."""
    if source not in _sources:
        _sources.append(source)


def of(variable_set: VariableSet) -> list[Neighbour]:
    return [found for source in _sources for found in source(variable_set)]
