"""A variable of a project under another name, everywhere that refers to it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from accounts.models import User
from domain import octostache
from domain.scopes import Kind
from domain.variables import VariableType, same_name, validate_name
from processes import mentions
from processes import owners as process_owners
from processes.models import Process, Step
from processes.services import processes, steps
from processes.services.steps import StepFields
from projects.models import Project
from projects.services import project_variables
from variables import merging, scope_sources
from variables.models import VariableSet
from variables.services import variable_sets
from variables.services.rows import Row
from variables.services.sealing import unseal

MOST_LINES = 6
"""Of one text that are shown."""


class CannotRename(ValueError):
    """The text says why, to a person."""


@dataclass(frozen=True)
class Line:
    """A line of a text that changes."""

    before: str
    after: str


@dataclass(frozen=True)
class Use:
    """Something that refers to the variable: a setting of a step, or a value of another variable. `lines` are
    what a new name changes there."""

    kind: str
    label: str
    noun: str
    url: str
    lines: tuple[Line, ...] = ()
    more: int = 0


@dataclass(frozen=True)
class Versions:
    """Of the variables and of each process (by its key), as whoever renames has seen them."""

    variables: int
    processes: Mapping[int, int] = field(default_factory=dict)


_Changes = list[tuple[Step, StepFields]]


@dataclass
class Found:
    """Everything that refers to a variable, and what would be saved under the new name."""

    uses: list[Use]
    rows: list[Row]
    processes: list[tuple[Process, _Changes]]
    versions: Versions
    values: int = 0
    libraries: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """How many steps refer to it."""
        return len({one.url for one in self.uses if one.kind == "Step"})


def find(project: Project, name: str, new: str = "") -> Found:
    """Everything that refers to the variable, in the variables of the project, its deployment process and its
    runbooks. `new` is what it is to be called. Raises CannotRename."""
    return _Search(project, name, new).found()


@transaction.atomic
def rename(project: Project, old: str, new: str, *, versions: Versions, user: User | None) -> Found:
    """Raises CannotRename, `variable_sets.StaleVariables` or `processes.StaleProcess` where somebody saved
    meanwhile, and whatever else keeps the variables from being saved."""
    found = find(project, old, new)
    if not found.values:
        raise CannotRename(f"The project has no variable {old} of its own.")
    variable_sets.save(
        variable_set=project_variables.variable_set_of(project),
        version=versions.variables,
        rows=found.rows,
        user=user,
    )
    for process, changes in found.processes:
        # One that refers to it only now has a version that nobody has seen.
        version = versions.processes.get(process.pk, 0)
        message = f"Renamed the variable {old} to {new} in"
        processes.edit_steps(process=process, version=version, changes=changes, user=user, message=message)
    return found


class _Search:
    def __init__(self, project: Project, old: str, new: str) -> None:
        self.project, self.old = project, old
        self.variable_set: VariableSet = project_variables.variable_set_of(project)
        frozen = project_variables.freeze(project)["variables"]
        self.own = [one for one in frozen if not one.get("library")]
        self.known = sorted({one["name"] for one in frozen})
        self.libraries = tuple(
            sorted({one["library"] for one in frozen if one.get("library") and same_name(one["name"], old)})
        )
        self.is_asking = bool(new)
        self.new = new.strip() or "Octopus.Renamed"
        if self.is_asking:
            self._check()

    def _check(self) -> None:
        if reason := validate_name(self.new):
            raise CannotRename(reason)
        taken = [one for one in self.known if same_name(one, self.new)]
        if taken and not same_name(self.old, self.new):
            raise CannotRename(f"There is a variable {taken[0]} already.")
        try:
            octostache.renamed("", self.old, self.new)
        except octostache.CannotRefer as error:
            raise CannotRename(f"#{{{self.new}}} could not refer to a variable of this name.") from error

    def found(self) -> Found:
        uses, rows = list[Use](), list[Row]()
        for one in self.own:
            row, there = self._row(one)
            rows.append(row)
            uses += there
        found, versions = list[tuple[Process, _Changes]](), dict[int, int]()
        read = list(self._processes())
        owners = process_owners.resolve([(one.owner_kind, one.owner_id) for one, _ in read])
        for process, members in read:
            owner = owners.get((process.owner_kind, process.owner_id))
            changed, there = self._process(members, owner)
            uses += there
            if there:
                found.append((process, changed))
                versions[process.pk] = process.version
        values = sum(1 for one in self.own if same_name(one["name"], self.old))
        return Found(
            uses,
            rows,
            found,
            Versions(self.variable_set.version, versions),
            values=values,
            libraries=self.libraries,
        )

    # --- variables -------------------------------------------------------------------------------

    def _row(self, frozen: Mapping[str, Any]) -> tuple[Row, list[Use]]:
        row = merging.row_of(frozen)
        text = unseal(frozen["value"]) if _is_secret(frozen) else frozen["value"]
        uses = []
        value = self._renamed(text)
        if value != text:
            lines = () if _is_secret(frozen) else _lines(text, value)
            uses.append(self._variable(frozen, "Value", lines))
            row = replace(row, value=value)
        if row.prompt and (options := self._renamed(row.prompt.options)) != row.prompt.options:
            uses.append(self._variable(frozen, "Choices", _lines(row.prompt.options, options)))
            row = replace(row, prompt=replace(row.prompt, options=options))
        return (replace(row, name=self.new) if same_name(row.name, self.old) else row), uses

    def _variable(self, frozen: Mapping[str, Any], noun: str, lines: tuple[Line, ...]) -> Use:
        return Use("Variable", frozen["name"], noun, "", lines[:MOST_LINES], max(0, len(lines) - MOST_LINES))

    def _renamed(self, text: str) -> str:
        return octostache.renamed(text, self.old, self.new, known=self.known)

    # --- steps -----------------------------------------------------------------------------------

    def _processes(self) -> Iterator[tuple[Process, list[Step]]]:
        ids = [int(one.id) for one in scope_sources.registered(Kind.ACTION, self.variable_set)]
        rows = Process.objects.filter(steps__actions__in=ids).distinct().order_by("pk")
        for process in rows.prefetch_related("steps__actions__worker_pool"):
            yield process, list(process.steps.all())

    def _process(
        self, members: Sequence[Step], owner: process_owners.Owner | None
    ) -> tuple[_Changes, list[Use]]:
        changed, uses = list[tuple[Step, StepFields]](), list[Use]()
        for step in members:
            fields = steps.fields_of(step)
            after = mentions.renamed(fields, self.old, self.new, known=self.known)
            if after != fields:
                changed.append((step, after))
            for mention, text in mentions.changes(fields, self.old, self.new, known=self.known):
                lines = _lines(mention.text, text)
                uses.append(
                    Use(
                        "Step",
                        f"{step.name} of {owner.label}" if owner else step.name,
                        mention.noun,
                        f"{owner.url}steps/{step.slug}/" if owner else "",
                        lines[:MOST_LINES],
                        max(0, len(lines) - MOST_LINES),
                    )
                )
        return changed, uses


def _is_secret(frozen: Mapping[str, Any]) -> bool:
    return frozen["type"] == VariableType.SENSITIVE and bool(frozen["value"])


def _lines(before: str, after: str) -> tuple[Line, ...]:
    """The lines that differ; a name has no line break, so that they stand in pairs."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return tuple(Line(one.strip(), other.strip()) for one, other in pairs if one != other)
