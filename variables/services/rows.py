"""Rows as they are saved: checked as a whole before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from domain.answers import validate_prompt
from domain.labels import article
from domain.prompts import Prompt
from domain.scopes import UNSCOPED, Scope
from domain.variables import (
    REFERENCES,
    TYPE_NOUN,
    Candidate,
    Source,
    Tie,
    VariableType,
    find_ties,
    validate_name,
    validate_scope,
    validate_value,
)
from tenants.models import Tenant
from variables import neighbours, references, selectors
from variables.models import Variable, VariableSet


@dataclass(frozen=True)
class Row:
    """One value of a name. `id` is the stored value that it replaces, None for a new one.

    `value` is the text, the id of a worker pool, account or certificate, or a secret in the clear; None
    keeps the secret that is stored under `id`.
    """

    name: str
    value: str | None = ""
    type: VariableType = VariableType.STRING
    scope: Scope = UNSCOPED
    id: int | None = None
    description: str = ""
    prompt: Prompt | None = None


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row; `field` is name, value, scope or prompt."""

    index: int
    field: str
    message: str


class RowsRefused(Exception):
    """Rows that cannot be saved; `problems` name the rows by their index."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class ScopeRefused(RowsRefused):
    """A scope names something that is not there, or not in this space."""


class TiedValues(Exception):
    """Two values of a name that nothing decides between; `pairs` are (index, index, tie)."""

    def __init__(self, ties: Sequence[Tie]) -> None:
        super().__init__(f"Values of {ties[0].name} are equally specific.")
        self.ties = tuple(ties)
        self.pairs = tuple((int(tie.first.id), int(tie.second.id), tie) for tie in ties)


@dataclass(frozen=True)
class _Known:
    """What rows may refer to."""

    scopes: frozenset[str]
    choices: references.Choices
    stored: Mapping[int, Variable] = field(default_factory=dict)


def check(variable_set: VariableSet, rows: Sequence[Row], stored: Mapping[int, Variable]) -> None:
    """Raises RowsRefused, ScopeRefused or TiedValues."""
    known = _Known(
        scopes=frozenset(option.key for option in selectors.scope_options(variable_set)),
        choices=references.choices(variable_set.space),
        stored=stored,
    )
    problems = [
        problem for index, row in enumerate(rows) for problem in _row_problems(index, row, known=known)
    ]
    if problems:
        raise RowsRefused(problems)
    foreign = [problem for index, row in enumerate(rows) for problem in _scope_problems(index, row, known)]
    if foreign:
        raise ScopeRefused(foreign)
    ties = find_ties(candidates_of(rows), tags_of_tenants(variable_set))
    if ties:
        raise TiedValues(ties)
    elsewhere = list(_ties_elsewhere(variable_set, rows))
    if elsewhere:
        raise RowsRefused(elsewhere)


def _ties_elsewhere(variable_set: VariableSet, rows: Sequence[Row]) -> Iterator[RowProblem]:
    """Values of other library sets that some project includes beside this one."""
    for neighbour in neighbours.of(variable_set):
        mine = [replace(one, source=Source.LIBRARY) for one in candidates_of(rows)]
        own = {id(one) for one in mine}
        for tie in find_ties([*mine, *neighbour.candidates], tags_of_tenants(variable_set)):
            first, second = (tie.first, tie.second) if id(tie.first) in own else (tie.second, tie.first)
            if id(first) in own and id(second) not in own:
                yield RowProblem(
                    int(first.id),
                    "scope",
                    f"Just as specific as a value of {second.name} in {second.library}, "
                    f"which {neighbour.label} includes too.",
                )


def tags_of_tenants(variable_set: VariableSet) -> dict[str, frozenset[str]]:
    """Tenant id to the canonical names of its tags, for the tenants of the space."""
    tenants = Tenant.objects.in_space(variable_set.space).prefetch_related("tags__tag_set")
    return {str(one.pk): frozenset(tag.canonical_name for tag in one.tags.all()) for one in tenants}


def candidates_of(rows: Sequence[Row]) -> list[Candidate]:
    """Rows that are not saved yet, for the resolver. Secrets are left out."""
    return [
        Candidate(
            id=str(index),
            name=row.name,
            type=row.type,
            value="" if row.type is VariableType.SENSITIVE else row.value or "",
            scope=row.scope,
        )
        for index, row in enumerate(rows)
    ]


def _row_problems(index: int, row: Row, *, known: _Known) -> list[RowProblem]:
    found: list[RowProblem] = []
    if reason := validate_name(row.name):
        found.append(RowProblem(index, "name", reason))
    if reason := _value_problem(row, known):
        found.append(RowProblem(index, "value", reason))
    if row.prompt and (reason := validate_prompt(row.type, row.prompt)):
        found.append(RowProblem(index, "prompt", reason))
    return found


def _value_problem(row: Row, known: _Known) -> str | None:
    if row.id is not None and row.id not in known.stored:
        return "This value is not one of this project's any more."
    if row.value is None:
        kept = known.stored.get(row.id or 0)
        keeps = kept is not None and kept.type == row.type == VariableType.SENSITIVE
        return None if keeps else "Enter a value."
    if reason := validate_value(row.type, row.value):
        return reason
    if row.type in REFERENCES and row.value not in known.choices[row.type]:
        return f"Choose {article(TYPE_NOUN[row.type])} of this space."
    return None


def _scope_problems(index: int, row: Row, known: _Known) -> list[RowProblem]:
    found = [RowProblem(index, "scope", one.message) for one in validate_scope(row.type, row.scope)]
    kept = _stored_scope(known.stored.get(row.id or 0))
    for kind, ids in row.scope.items():
        keys = {f"{kind.value}:{one}" for one in ids}
        # What was there when the row was saved may stay, so that a deleted step does not block saving.
        if keys - known.scopes - kept:
            found.append(RowProblem(index, "scope", "The scope names something that does not exist here."))
    return found


def _stored_scope(variable: Variable | None) -> frozenset[str]:
    if variable is None:
        return frozenset()
    return frozenset(f"{one.kind}:{one.value}" for one in variable.scope_values.all())
