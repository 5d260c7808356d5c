"""What will probably go wrong with the steps of a process: said while it is edited, no reason not to save.

The plan of a run knows more (`domain.plan_checks`), for one place at a time. Here all environments are looked
at together, cheaply enough for every page of the editor; where only a run can tell, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from domain import octostache, step_types
from domain.labels import listed
from domain.plan_checks import OF_THE_RUN
from domain.processes import ActionDef, ProcessDef, StepDef
from domain.scopes import Context, Kind, Scope, matches
from domain.step_rules import Condition
from domain.system_variables import known_names
from domain.variables import Candidate, grouped, name_key, resolve_values

#: What is not known while a process is edited, so that nothing is held against a value for it.
_OPEN = frozenset(Kind) - {Kind.ENVIRONMENT, Kind.PROCESS, Kind.ACTION}


@dataclass(frozen=True, slots=True)
class StepWarning:
    """`message` stands for itself; `field` is what the form calls the place."""

    step_id: str
    number: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class PoolFacts:
    name: str
    has_workers: bool


@dataclass(frozen=True)
class Surroundings:
    """What a process is edited among. `environments` are (id, name) in their order, `pools` by id,
    `default_pool` is an id or None; `candidates` are all values of the variables it can use."""

    environments: Sequence[tuple[str, str]]
    pools: Mapping[str, PoolFacts]
    default_pool: str | None
    candidates: Sequence[Candidate]
    process_ref: str
    _places: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def groups(self) -> dict[str, list[Candidate]]:
        return grouped(self.candidates)

    @cached_property
    def given(self) -> frozenset[str]:
        """The keys of what every run gives itself."""
        context = Context(environment="", tenant="", process=self.process_ref)
        return frozenset(map(name_key, known_names(context)))

    def places(self, key: str, action_id: str) -> frozenset[str]:
        """The environments in which a variable may have a value for a step; empty for an unknown name."""
        group = self.groups.get(key, [])
        if any(Kind.ACTION in one.scope for one in group):
            return self._defined(group, action_id)
        if key not in self._places:
            self._places[key] = self._defined(group, "")
        return self._places[key]

    def _defined(self, group: Sequence[Candidate], action_id: str) -> frozenset[str]:
        return frozenset(
            id
            for id, _ in self.environments
            if any(self._may_apply(one.scope, id, action_id) for one in group)
        )

    def _may_apply(self, scope: Scope, environment: str, action_id: str) -> bool:
        context = Context(environment=environment, process=self.process_ref, action=action_id)
        return matches(scope, context, ignoring=_OPEN) is None


def warnings(process: ProcessDef, around: Surroundings) -> tuple[StepWarning, ...]:
    """In the order of the steps. Disabled steps have none: they do not run."""
    names = {name_key(name) for step, action in process.actions() for name in (step.name, action.name)}
    return tuple(
        StepWarning(action.step_id or step.id, step.number, field, message)
        for step, action in process.actions()
        if not action.is_disabled
        for field, message in (
            *_pool_warnings(action, around),
            *_name_warnings(step, action, around),
            *_step_warnings(step, action, names),
        )
    )


def _environments(action: ActionDef, around: Surroundings) -> list[tuple[str, str]]:
    """Where the step runs at all."""
    only, but = action.applies.environments, action.applies.excluded_environments
    return [(id, name) for id, name in around.environments if (id in only if only else id not in but)]


# --- Pools ----------------------------------------------------------------------------------------


def _pool_warnings(action: ActionDef, around: Surroundings) -> Iterator[tuple[str, str]]:
    step_type = step_types.find(action.action_type)
    if step_type is None or step_type.work is None or action.is_on_server:
        return
    if action.worker_pool_variable is not None:
        yield from (("Worker pool", words) for words in _variable_pool(action, around))
        return
    pool = around.pools.get(action.worker_pool_id or around.default_pool or "")
    if pool is None:
        yield "Worker pool", "No pool is the default, so this step has none."
    elif not pool.has_workers:
        yield "Worker pool", f"{pool.name} has no workers."


def _variable_pool(action: ActionDef, around: Surroundings) -> Iterator[str]:
    name = action.worker_pool_variable or ""
    key, environments = name_key(name), _environments(action, around)
    if not name or not environments:
        return
    if key not in around.groups:
        yield f"There is no variable {name}."
        return
    places = around.places(key, action.id)
    if missing := [label for id, label in environments if id not in places]:
        yield f"{name} has no value in {listed(missing)}."
    for pool, labels in _empty_pools(name, key, action, environments, around).items():
        yield f"{name} picks {pool} in {listed(labels)}, which has no workers."


def _empty_pools(
    name: str,
    key: str,
    action: ActionDef,
    environments: Sequence[tuple[str, str]],
    around: Surroundings,
) -> dict[str, list[str]]:
    """Pools without workers, and the environments in which the variable picks them without a tenant."""
    found: dict[str, list[str]] = {}
    for id, label in environments:
        context = Context(environment=id, process=around.process_ref, action=action.id)
        winner = resolve_values(name, around.groups[key], context).winner
        pool = around.pools.get(winner.value) if winner else None
        if pool is not None and not pool.has_workers:
            found.setdefault(pool.name, []).append(label)
    return found


# --- Names ----------------------------------------------------------------------------------------


def _name_warnings(step: StepDef, action: ActionDef, around: Surroundings) -> Iterator[tuple[str, str]]:
    environments = _environments(action, around)
    for noun, template in _texts(step, action):
        for name in _references(template).names:
            keys = _keys(name)
            if keys[0] in around.given:
                continue
            if around.groups.keys().isdisjoint(keys):
                yield noun, f"#{{{name}}} is no variable of this project. It stays as it is written."
                continue
            places = frozenset[str]().union(*(around.places(key, action.id) for key in keys))
            if missing := [label for id, label in environments if id not in places]:
                yield noun, f"#{{{name}}} has no value in {listed(missing)}."


def _step_warnings(step: StepDef, action: ActionDef, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Steps whose outputs are used, and that are not in the process: renamed, deleted, or left behind when
    this one was copied."""
    for noun, template in _texts(step, action):
        for one in _references(template).steps:
            if name_key(one) not in names:
                yield noun, f"There is no step {one} here, so nothing of it can be used."


def _texts(step: StepDef, action: ActionDef) -> Iterator[tuple[str, str]]:
    step_type = step_types.find(action.action_type)
    for text in step_type.texts(action.properties) if step_type else ():
        if "#{" in text.template:
            yield text.noun[:1].upper() + text.noun[1:], text.template
    condition, expression = step.condition_of(action)
    if condition is Condition.VARIABLE and "#{" in expression:
        yield "Expression", expression


def _keys(name: str) -> list[str]:
    """Its own key first, then those of the values that it may be a part of: of JSON, or of an account."""
    key = name_key(name)
    return [key, *(key[:at] for at, char in enumerate(key) if char in ".[:")]


@dataclass(frozen=True, slots=True)
class _References:
    """Of a template: `names` of variables that it certainly puts in, and `steps` whose outputs it uses.
    A name that a condition asks for, or that stands in a branch, may be missing."""

    names: tuple[str, ...]
    steps: tuple[str, ...]


_STEP = re.compile(r"Octopus\.(?:Action|Step)\[([^\]\[#{}]+)\]", re.IGNORECASE)
_LONGEST_KEPT = 20_000
"""Characters of a template whose references are remembered."""


def _references(template: str) -> _References:
    return _kept(template) if len(template) <= _LONGEST_KEPT else _read(template)


def _read(template: str) -> _References:
    certain = octostache.certain_references(template)
    found = {one.strip() for name in octostache.references(template) for one in _STEP.findall(name)}
    names = (name for name in certain if not name.startswith(OF_THE_RUN))
    return _References(names=tuple(sorted(names)), steps=tuple(sorted(found)))


_kept = lru_cache(maxsize=1024)(_read)
