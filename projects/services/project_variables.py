"""What a project's runs find: its own variables and those of the library sets that it includes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import events
from domain.variables import Source, Tie, find_ties
from projects.models import Project
from tenants.models import Tenant
from variables.models import LibraryVariableSet, OwnerKind, VariableSet
from variables.services import tenant_values, variable_sets
from variables.services.rows import tags_of_tenants


class SetsTied(Exception):
    """Values of two library sets are equally specific; `ties` names them."""

    def __init__(self, ties: Sequence[Tie]) -> None:
        super().__init__(" ".join(tie_sentence(tie) for tie in ties))
        self.ties = tuple(ties)


class NotOfThisSpace(Exception):
    """A library set of another space cannot be included."""


def tie_sentence(tie: Tie) -> str:
    sets = " and ".join(sorted({tie.first.library, tie.second.library}))
    return (
        f"{tie.name} has values in {sets} that are equally specific, so that nothing decides between them. "
        "Include one of the sets, or give one of the values a narrower scope."
    )


def variable_set_of(project: Project) -> VariableSet:
    """The project's own."""
    return variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=project.space)


def freeze(project: Project) -> dict[str, Any]:
    """As a release or a snapshot keeps them."""
    return variable_sets.freeze(variable_set_of(project), included=list(project.library_sets.all()))


def of_tenants(project: Project, tenants: Iterable[Tenant]) -> tenant_values.Reader:
    """What runs for these tenants find beside that. No release or snapshot keeps it."""
    return tenant_values.Reader(
        project_id=project.pk, libraries=list(project.library_sets.all()), tenants=tenants
    )


@transaction.atomic
def include(project: Project, sets: Collection[LibraryVariableSet], *, user: User | None) -> None:
    """Make the project include these library sets and no others. Raises `SetsTied` or `NotOfThisSpace`."""
    if any(one.space_id != project.space_id for one in sets):
        raise NotOfThisSpace
    if {one.pk for one in sets} == set(project.library_sets.values_list("pk", flat=True)):
        return
    _refuse_ties(project, sets)
    project.library_sets.set(sets)
    names = sorted(one.name for one in sets)
    events.record(
        user=user,
        category="Modified",
        subject=project,
        message=f"Changed which library variable sets project {project.name} includes.",
        space=project.space,
        details={"library sets": names},
    )


def _refuse_ties(project: Project, sets: Collection[LibraryVariableSet]) -> None:
    """The values of one set are checked when it is saved; here those of two may meet."""
    variable_set = variable_set_of(project)
    candidates = variable_sets.candidates(variable_sets.freeze(variable_set, included=sets))
    shared = [one for one in candidates if one.source is Source.LIBRARY]
    ties = find_ties(shared, tags_of_tenants(variable_set))
    if ties:
        raise SetsTied(ties)
