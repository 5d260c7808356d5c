"""A frozen process with its variables, for people: as rows for a page, and as lines for a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from hashlib import sha256
from typing import Any

from domain import step_types
from domain.build_information import Commit, WorkItem
from domain.labels import Names, ScopeLabel, counted, scope_labels, scope_text
from domain.plan_packages import ChosenPackage, chosen_of
from domain.processes import (
    CONDITION_TEXT,
    ActionDef,
    Location,
    ProcessDef,
    StepDef,
    rules_text,
    targets_text,
)
from domain.scopes import Kind
from domain.step_rules import Condition, Start
from domain.variables import Candidate, VariableType
from environments.models import Environment
from packages.models import BuildInformation
from packages.services import builds as build_information
from packages.services import choosing
from projects.models import Project
from spaces.models import Space
from variables import selectors
from variables.models import OwnerKind
from variables.services import variable_sets


@dataclass(frozen=True)
class FrozenStep:
    step: StepDef
    action: ActionDef
    pool: str

    @property
    def when(self) -> str:
        """Where and under which condition it runs, where that is not always and everywhere."""
        condition = _condition_text(*self.step.condition_of(self.action))
        required = "required" if self.action.is_required else ""
        where = targets_text(self.step.location_of(self.action), self.step.target_tags)
        is_together = self.step.start is Start.WITH_PREVIOUS and not self.step.child
        together = "with the step before it" if is_together else ""
        parts = (where, together, condition, self.action.applies_text, required)
        return ", ".join(part for part in parts if part)

    @property
    def over(self) -> str:
        """What the step that holds a child says of all its children; told with the first."""
        if self.step.child != 1:
            return ""
        together = "with the step before it" if self.step.start is Start.WITH_PREVIOUS else ""
        window = f"{counted(self.step.window, 'target')} at a time" if self.step.window else ""
        parts = (together, window, _condition_text(self.step.condition, self.step.expression))
        return ", ".join([self.step.name, *(part for part in parts if part)])

    @property
    def rules_text(self) -> str:
        return rules_text(self.action.rules)

    @property
    def text(self) -> str:
        """What it is about, not substituted: its script, its instructions."""
        step_type = step_types.find(self.action.action_type)
        texts = step_type.texts(self.action.properties) if step_type else ()
        return "\n\n".join(text.template for text in texts if text.template)


def _condition_text(condition: Condition, expression: str) -> str:
    return f"only if true: {expression}" if condition is Condition.VARIABLE else CONDITION_TEXT[condition]


@dataclass(frozen=True)
class FrozenVariable:
    """A value as a page may show it, with its scope as chips."""

    candidate: Candidate
    scopes: tuple[tuple[ScopeLabel, Environment | None], ...]

    @property
    def is_sensitive(self) -> bool:
        return self.candidate.type is VariableType.SENSITIVE


@dataclass(frozen=True)
class FrozenPackage:
    """The version of a package that was chosen for good; `is_there` says whether the feed still has it."""

    chosen: ChosenPackage
    is_there: bool


@dataclass(frozen=True)
class FrozenBuild:
    row: BuildInformation
    commits: list[Commit]
    work_items: list[WorkItem]


@dataclass(frozen=True)
class Line:
    """A line of a comparison; `tag` is the element that shows it: at, del, ins, or "" for context."""

    tag: str
    text: str


def steps(process: Mapping[str, Any]) -> list[FrozenStep]:
    """Raises domain.codec.Malformed for what this version cannot read."""
    return [
        FrozenStep(step, action, pool_text(action, step.location_of(action)))
        for step, action in ProcessDef.from_json(dict(process)).actions()
    ]


def variables(
    frozen: Mapping[str, Any], *, names: Names, environments: Sequence[Environment]
) -> list[FrozenVariable]:
    by_id = {str(environment.pk): environment for environment in environments}
    return [
        FrozenVariable(
            one,
            tuple(
                (label, by_id.get(label.id) if label.kind is Kind.ENVIRONMENT else None)
                for label in scope_labels(one.scope, names)
            ),
        )
        for one in variable_sets.candidates(frozen)
    ]


def packages(space: Space, rows: Sequence[Any]) -> list[FrozenPackage]:
    """Raises domain.codec.Malformed for what this version cannot read."""
    chosen = chosen_of(rows)
    there = {(one.id_key, one.version_key) for one in choosing.find_all(space, chosen)}
    return [FrozenPackage(one, (one.package_id.lower(), one.version.lower()) in there) for one in chosen]


def builds(space: Space, rows: Sequence[Any]) -> list[FrozenBuild]:
    """What the builds of the packages said, as it is known now, each once."""
    found = build_information.find_all(space, [(one.package_id, one.version) for one in chosen_of(rows)])
    return [
        FrozenBuild(
            row,
            build_information.commits_of(row),
            build_information.work_items_of(row),
        )
        for row in found.values()
    ]


def names_of(project: Project) -> Names:
    """What ids in the scopes of the project's variables are called now."""
    variable_set = variable_sets.get_or_create(
        owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=project.space
    )
    return selectors.scope_names(selectors.scope_options(variable_set))


def pool_text(action: ActionDef, location: Location) -> str:
    if action.is_manual:
        return "none, waits for a person"
    if action.is_on_server:
        return "none, the server does it"
    if location is Location.TARGET:
        return "none, runs on the targets"
    if action.worker_pool_variable:
        return f"selected via {action.worker_pool_variable}"
    return action.worker_pool_name or "default pool"


def compare(
    before: tuple[Mapping[str, Any], Mapping[str, Any]],
    after: tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    names: Names,
) -> list[Line]:
    """Two frozen (process, variables) line by line; empty when they would run alike."""
    old, new = list(_lines(*before, names=names)), list(_lines(*after, names=names))
    diff = list(unified_diff(old, new, lineterm="", n=2))[2:]
    return [_line(text) for text in diff]


def _line(text: str) -> Line:
    tag = {"+": "ins", "-": "del", "@": "at"}.get(text[:1], "")
    return Line(tag, "…" if tag == "at" else text)


def _lines(process: Mapping[str, Any], variables: Mapping[str, Any], *, names: Names) -> Iterator[str]:
    for frozen in steps(process):
        yield from _step_lines(frozen)
    for candidate in sorted(variable_sets.candidates(variables), key=lambda one: one.name.casefold()):
        library = f" [{candidate.library}]" if candidate.library else ""
        yield f"{candidate.name}{library} ({scope_text(candidate.scope, names)}) = {_value(candidate)}"


def _step_lines(frozen: FrozenStep) -> Iterator[str]:
    action = frozen.action
    off = ", disabled" if action.is_disabled else ""
    if frozen.over:
        yield f"{frozen.step.number}. {frozen.over}"
    yield f"{frozen.step.label}. {action.name}{off}"
    yield f"    Worker pool: {frozen.pool}"
    if when := frozen.when:
        yield f"    Runs: {when}"
    if action.notes:
        yield f"    Notes: {action.notes}"
    names = step_types.property_names()
    for key, value in sorted(action.properties.items()):
        name, lines = names.get(key, key.rpartition(".")[2]), value.splitlines()
        if len(lines) < 2:
            yield f"    {name}: {value}"
        else:
            yield f"    {name}:"
            yield from (f"    | {line}" for line in lines)


def _value(candidate: Candidate) -> str:
    """A secret is told apart from another by a digest of its ciphertext, which says nothing about it."""
    if candidate.type is not VariableType.SENSITIVE:
        return candidate.shown
    return f"{candidate.shown} [{sha256(candidate.value.encode()).hexdigest()[:8]}]"
