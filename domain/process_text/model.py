"""A process without ids: what a text of it can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.processes import SCRIPT_ACTION, Location
from domain.step_rules import Condition, Start


@dataclass(frozen=True, slots=True)
class ActionText:
    """`name` and `slug` are "" where they are those of the step. `condition` and `expression` are those of a
    child step. `worker_pool` and the environments are slugs
    or names; with neither pool nor variable the default pool is meant. `line` is where it was read."""

    name: str = ""
    slug: str = ""
    action_type: str = SCRIPT_ACTION
    properties: Mapping[str, str] = field(default_factory=dict)
    location: Location = Location.WORKER
    worker_pool: str = ""
    worker_pool_variable: str | None = None
    is_disabled: bool = False
    is_required: bool = False
    environments: tuple[str, ...] = ()
    excluded_environments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    tenant_tags: tuple[str, ...] = ()
    notes: str = ""
    condition: Condition = Condition.SUCCESS
    expression: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StepText:
    """`slug` tells which step of a process it is; "" is a new one. Target tags and window stand only where
    the step runs for deployment targets. Several actions are its child steps."""

    name: str
    slug: str = ""
    condition: Condition = Condition.SUCCESS
    expression: str = ""
    start: Start = Start.AFTER_PREVIOUS
    actions: tuple[ActionText, ...] = ()
    target_tags: tuple[str, ...] = ()
    window: int = 0
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ProcessText:
    steps: tuple[StepText, ...] = ()
