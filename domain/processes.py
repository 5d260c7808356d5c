"""A process as it is frozen in a snapshot or a release: steps, actions, properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain import codec

SCHEMA = 1

SCRIPT_ACTION = "Octopus.Script"
SCRIPT_BODY = "Octopus.Action.Script.ScriptBody"
SCRIPT_SYNTAX = "Octopus.Action.Script.Syntax"
RUN_ON_SERVER = "Octopus.Action.RunOnServer"


class Syntax(StrEnum):
    """The language of an inline script, in the spelling of the REST API."""

    BASH = "Bash"
    PYTHON = "Python"


class Location(StrEnum):
    """Where an action runs."""

    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class ActionDef:
    """What one step does, and on which pool.

    The pool is either fixed (`worker_pool_id`, with the name that it had when frozen) or
    chosen by the variable named in `worker_pool_variable`; with neither the space's
    default pool is meant. `properties` carries the settings of the action type under
    their wire names.
    """

    id: str
    name: str
    slug: str = ""
    action_type: str = SCRIPT_ACTION
    properties: Mapping[str, str] = field(default_factory=dict)
    location: Location = Location.WORKER
    worker_pool_id: str | None = None
    worker_pool_name: str = ""
    worker_pool_variable: str | None = None
    is_disabled: bool = False
    notes: str = ""

    @property
    def script(self) -> str:
        """The inline script, not substituted."""
        return self.properties.get(SCRIPT_BODY, "")

    @property
    def syntax(self) -> Syntax:
        """The script's language; Bash where none is stated. Raises ValueError if unknown."""
        return Syntax(self.properties.get(SCRIPT_SYNTAX) or Syntax.BASH)


@dataclass(frozen=True, slots=True)
class StepDef:
    """A numbered step (from 1) and its actions, of which a script step has one."""

    id: str
    name: str
    number: int
    actions: tuple[ActionDef, ...]
    slug: str = ""


@dataclass(frozen=True, slots=True)
class ProcessDef:
    """The steps of a runbook or a deployment process, in order."""

    steps: tuple[StepDef, ...] = ()
    schema: int = SCHEMA

    def actions(self) -> Iterator[tuple[StepDef, ActionDef]]:
        """Every action with its step, in the order in which they run."""
        return ((step, action) for step in self.steps for action in step.actions)

    def to_json(self) -> codec.Json:
        """The JSON object that a snapshot stores."""
        return codec.encode_fields(self)

    @classmethod
    def from_json(cls, data: codec.Json) -> ProcessDef:
        """Read a stored process; raises codec.Malformed or codec.UnsupportedSchema."""
        codec.check_schema(_object(data), supported=SCHEMA)
        return codec.decode_fields(cls, data)


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise codec.Malformed("a process is not an object")
    return data
