"""The channels that steps may be restricted to. A higher app has them and says which there are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from processes.models import Process


@dataclass(frozen=True)
class ChannelOption:
    """A channel of the releases that a process is run for; `id` as `domain.conditions.Applies` has it."""

    id: str
    slug: str
    name: str


Source = Callable[[str, int], Iterable[ChannelOption]]
"""The channels of the owner of a process, by its kind and id."""
Names = Callable[[Collection[str]], Mapping[str, str]]
"""The names of channels by their ids."""

_sources: list[Source] = []
_names: list[Names] = []


def register(source: Source, *, names: Names) -> None:
    """Called in an AppConfig's `ready`."""
    _sources.append(source)
    _names.append(names)


def of(process: Process) -> list[ChannelOption]:
    """None for a process that is not run for releases."""
    return [one for source in _sources for one in source(process.owner_kind, process.owner_id)]


def names(ids: Collection[str]) -> dict[str, str]:
    return {id: name for source in _names for id, name in source(ids).items()} if ids else {}
