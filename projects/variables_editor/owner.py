"""Whose variables the editor's pages show: a project's, or those of a library set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.shortcuts import get_object_or_404

from accounts.requests import PageRequest
from common.usage import uses_of
from projects.models import Project
from projects.services import project_variables
from projects.views.lookups import project_of
from spaces.models import Space
from variables.models import LibraryVariableSet, VariableSet
from variables.services import library, variable_sets


@dataclass(frozen=True)
class Pages:
    """The names of the addresses; each takes the slug of the subject, `edit` and `delete` a value's too."""

    all: str
    group: str
    preview: str
    create: str
    edit: str
    delete: str
    bulk: str
    history: str
    templates: str
    template_create: str
    template_edit: str
    template_delete: str


PROJECT_PAGES = Pages(
    all="project_variables",
    group="variable_group",
    preview="variable_preview",
    create="variable_create",
    edit="variable_edit",
    delete="variable_delete",
    bulk="variable_bulk",
    history="variable_history",
    templates="project_templates",
    template_create="project_template_create",
    template_edit="project_template_edit",
    template_delete="project_template_delete",
)
LIBRARY_PAGES = Pages(
    all="library_set_detail",
    group="library_group",
    preview="library_preview",
    create="library_value_create",
    edit="library_value_edit",
    delete="library_value_delete",
    bulk="library_bulk",
    history="library_history",
    templates="library_templates",
    template_create="library_template_create",
    template_edit="library_template_edit",
    template_delete="library_template_delete",
)


@dataclass(frozen=True)
class VariablesOwner:
    """`base` is the template around the pages; it is rendered with `context`. `project` is None for a
    library set, whose values are the same for all projects."""

    subject: Project | LibraryVariableSet
    pages: Pages
    base: str
    context: Mapping[str, Any]
    project: Project | None = None

    @property
    def slug(self) -> str:
        return self.subject.slug

    @property
    def space(self) -> Space:
        return self.subject.space

    def variable_set(self) -> VariableSet:
        if self.project is not None:
            return project_variables.variable_set_of(self.project)
        assert isinstance(self.subject, LibraryVariableSet)  # noqa: S101  # there are these two
        return library.variable_set_of(self.subject)

    def frozen(self) -> dict[str, Any]:
        """What a run would find now."""
        if self.project is not None:
            return project_variables.freeze(self.project)
        return variable_sets.freeze(self.variable_set())


OwnerOf = Callable[[PageRequest, str], VariablesOwner]
"""The owner of this slug in the space of the address; a 404 where there is none."""


def project_owner(request: PageRequest, slug: str) -> VariablesOwner:
    project = project_of(request, slug)
    context = {"project": project, "tab": "variables"}
    return VariablesOwner(project, PROJECT_PAGES, "projects/base.html", context, project=project)


def library_owner(request: PageRequest, slug: str) -> VariablesOwner:
    rows = LibraryVariableSet.objects.visible_to(request.user).in_space(request.space)
    found: LibraryVariableSet = get_object_or_404(rows.select_related("space"), slug=slug)
    context = {"library_set": found, "uses": uses_of(found)}
    return VariablesOwner(found, LIBRARY_PAGES, "variables/library_base.html", context)
