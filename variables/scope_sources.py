"""What a value can be scoped to that lives in other apps: processes, their steps, channels, targets.

Environments, tenants and tenant tags are known here. For the other kinds higher apps register a source
in `AppConfig.ready`; several may serve one kind (a project's, its runbooks').
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domain.scopes import Kind
from variables.models import VariableSet


@dataclass(frozen=True)
class ScopeOption:
    """One thing that a value can be scoped to. `group` says what it is part of, such as the process
    of a step or the set of a tag; `hue` colours an environment."""

    kind: Kind
    id: str
    label: str
    group: str = ""
    hue: int | None = None

    @property
    def key(self) -> str:
        """How forms name it, for example "Environment:3"."""
        return f"{self.kind.value}:{self.id}"


REGISTERED = (Kind.PROCESS, Kind.ACTION, Kind.CHANNEL, Kind.MACHINE, Kind.ROLE)
"""The kinds that sources are registered for, in the order of pages."""

Source = Callable[[VariableSet], Iterable[ScopeOption]]
_sources: dict[Kind, list[Source]] = defaultdict(list)


def register(kind: Kind, source: Source) -> None:
    if source not in _sources[kind]:
        _sources[kind].append(source)


def registered(kind: Kind, variable_set: VariableSet) -> list[ScopeOption]:
    return [option for source in _sources[kind] for option in source(variable_set)]
