"""Rows as they are saved: checked as a whole before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.scopes import UNSCOPED, Scope
from domain.variables import (
    Candidate,
    Tie,
    VariableType,
    find_ties,
    validate_name,
    validate_scope,
    validate_value,
)
from pools.models import WorkerPool
from tenants.models import Tenant
from variables import selectors
from variables.models import Variable, VariableSet


@dataclass(frozen=True)
class Row:
    """One value of a name. `id` is the stored value that it replaces, None for a new one.

    `value` is the text, a worker pool's id, or a secret in the clear; None keeps the secret that is
    stored under `id`.
    """

    name: str
    value: str | None = ""
    type: VariableType = VariableType.STRING
    scope: Scope = UNSCOPED
    id: int | None = None
    description: str = ""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row; `field` is name, value or scope."""

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
    pools: frozenset[str]
    stored: Mapping[int, Variable] = field(default_factory=dict)


def check(variable_set: VariableSet, rows: Sequence[Row], stored: Mapping[int, Variable]) -> None:
    """Raises RowsRefused, ScopeRefused or TiedValues."""
    known = _Known(
        scopes=frozenset(option.key for option in selectors.scope_options(variable_set)),
        pools=frozenset(
            str(pk) for pk in WorkerPool.objects.in_space(variable_set.space).values_list("pk", flat=True)
        ),
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
    ties = find_ties(_candidates(rows), tags_of_tenants(variable_set))
    if ties:
        raise TiedValues(ties)


def tags_of_tenants(variable_set: VariableSet) -> dict[str, frozenset[str]]:
    """Tenant id to the canonical names of its tags, for the tenants of the space."""
    tenants = Tenant.objects.in_space(variable_set.space).prefetch_related("tags__tag_set")
    return {str(one.pk): frozenset(tag.canonical_name for tag in one.tags.all()) for one in tenants}


def _row_problems(index: int, row: Row, *, known: _Known) -> list[RowProblem]:
    found: list[RowProblem] = []
    if reason := validate_name(row.name):
        found.append(RowProblem(index, "name", reason))
    if reason := _value_problem(row, known):
        found.append(RowProblem(index, "value", reason))
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
    if row.type is VariableType.WORKER_POOL and row.value not in known.pools:
        return "Choose a worker pool of this space."
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


def _candidates(rows: Sequence[Row]) -> list[Candidate]:
    """For the tie check: the index stands for the id, and values are not looked at."""
    return [
        Candidate(id=str(index), name=row.name, type=row.type, value="", scope=row.scope)
        for index, row in enumerate(rows)
    ]
