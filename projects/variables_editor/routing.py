"""The routing matrix under the table: with what the table holds now, saved or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms

from domain.labels import counted, listed
from domain.routing import Matrix, Move, State
from domain.scopes import DEPLOYMENT_PROCESS, Context, Kind
from domain.variables import Candidate, VariableType, name_key
from processes.models import Action, PoolChoice
from projects import blast, routing
from projects.variables_editor.session import Session
from variables import selectors
from variables.grid import Grid, stored_groups
from variables.scope_sources import ScopeOption
from variables.services.rows import candidates_of

ANY_STEP = f"{Kind.PROCESS.value}:{DEPLOYMENT_PROCESS}"


class RoutingForm(forms.Form):
    """Which variable, and for which step. What is not there (any more) gives way to the first choice."""

    variable = forms.ChoiceField(required=False)
    place = forms.ChoiceField(required=False, label="Step")

    def __init__(self, session: Session, names: Sequence[str]) -> None:
        request = session.request
        sent = request.POST if request.method == "POST" else request.GET
        variable = _one_of(names, sent.get("routing-variable", "")) or names[0]
        places = _places(session)
        place = sent.get("routing-place", "")
        # Another variable is looked at: start with a step of its own.
        if not _has(places, place) or name_key(sent.get("routing-of", "")) != name_key(variable):
            place = _first_step(session, variable) or ANY_STEP
        super().__init__({"routing-variable": variable, "routing-place": place}, prefix="routing")
        self.fields["variable"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["place"].choices = places  # type: ignore[attr-defined]
        self.chosen, self._place = variable, place

    def base(self) -> Context:
        kind, _, one = self._place.partition(":")
        if kind == Kind.PROCESS.value:
            return Context(process=one)
        return routing.base_of_step(one) or Context(process=DEPLOYMENT_PROCESS)


@dataclass(frozen=True)
class Panel:
    """`rows` and `columns` are named and coloured by the scopes' options."""

    form: RoutingForm
    matrix: Matrix
    options: dict[str, ScopeOption]
    rerouted: Sequence[blast.Rerouted] = ()

    def environment(self, id: str) -> str:
        option = self.options.get(f"{Kind.ENVIRONMENT.value}:{id}")
        return option.label if option else ""

    @property
    def elsewhere(self) -> list[tuple[blast.Rerouted, list[tuple[str, Move]]]]:
        """What would go elsewhere, with the names of environments."""
        return [
            (one, [(self.environment(move.environment), move) for move in one.moves]) for one in self.rerouted
        ]

    @property
    def columns(self) -> list[ScopeOption | None]:
        """None for runs without a tenant, or with one that has none of the tags shown."""
        return [
            self.options.get(f"{Kind.TENANT_TAG.value}:{tag}") if tag else None for tag in self.matrix.tags
        ]

    @property
    def rows(self) -> list[tuple[ScopeOption | None, Any]]:
        kind = Kind.ENVIRONMENT.value
        return [(self.options.get(f"{kind}:{row[0].environment}"), row) for row in self.matrix.rows]

    @cached_property
    def problems(self) -> str:
        """ "2 gaps and 1 tie"; empty where every cell has a pool that could work now."""
        found = self.matrix
        counts = (
            (found.count(State.GAP), "gap", ""),
            (found.count(State.TIE), "tie", ""),
            (found.count(State.NO_POOL), "cell without a pool", "cells without a pool"),
            (found.unstaffed, "cell without a live worker", "cells without a live worker"),
        )
        return listed([counted(count, noun, plural) for count, noun, plural in counts if count])


def panel(session: Session, grid: Grid) -> Panel | None:
    """None where no value is a worker pool, and for a library set, which routes nothing by itself."""
    project, names = session.owner.project, pool_variables(grid)
    if not names or project is None:
        return None
    form = RoutingForm(session, names)
    found = routing.of_project(
        project,
        variable=form.chosen,
        candidates=candidates(grid),
        base=form.base(),
        names=selectors.scope_names(session.options),
        viewer=session.request.user,
    )
    return Panel(form, found, {option.key: option for option in session.options}, _rerouted(session, grid))


def _rerouted(session: Session, grid: Grid) -> list[blast.Rerouted]:
    """What the unsaved changes of the table would send elsewhere."""
    project = session.owner.project
    if project is None or not any(row.change for group in grid.groups for row in group.rows):
        return []
    stored = session.grid(stored_groups(session.stored.values()))
    return blast.of_variables(
        project,
        session.variable_set,
        before=candidates(stored),
        after=candidates(grid),
        names=selectors.scope_names(session.options),
        viewer=session.request.user,
    )


def candidates(grid: Grid) -> list[Candidate]:
    """What the table holds, as the resolver takes it."""
    return candidates_of(grid.to_rows())


def pool_variables(grid: Grid) -> list[str]:
    """Names with a worker pool among their values, each once, as the table has them."""
    found: dict[str, str] = {}
    for group, _ in grid.rows:
        if group.type is VariableType.WORKER_POOL and group.name:
            found.setdefault(name_key(group.name), group.name)
    return list(found.values())


def _one_of(names: Sequence[str], wanted: str) -> str:
    return next((name for name in names if name_key(name) == name_key(wanted)), "")


def _places(session: Session) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each process with its steps."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in session.options:
        if one.kind is Kind.PROCESS:
            groups.setdefault(one.label, []).insert(0, (one.key, f"{one.label}, any step"))
        elif one.kind is Kind.ACTION:
            groups.setdefault(one.group, []).append((one.key, one.label))
    return list(groups.items())


def _has(places: Sequence[tuple[str, list[tuple[str, str]]]], wanted: str) -> bool:
    return any(key == wanted for _, group in places for key, _ in group)


def _first_step(session: Session, variable: str) -> str:
    """A step that takes its pool from the variable."""
    ids = [option.id for option in session.options if option.kind is Kind.ACTION]
    picked = Action.objects.filter(pk__in=ids, pool_choice=PoolChoice.VARIABLE)
    users = {
        str(pk)
        for pk, name in picked.values_list("pk", "worker_pool_variable")
        if name_key(name) == name_key(variable)
    }
    return next((f"{Kind.ACTION.value}:{id}" for id in ids if id in users), "")
