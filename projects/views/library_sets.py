"""Which library variable sets a project includes, and the values that it gets from them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common.htmx import invalid, redirect
from projects import frozen
from projects.models import Project
from projects.services import project_variables
from projects.services.project_variables import SetsTied, tie_sentence
from projects.views.lookups import environments_of, project_of
from variables import selectors
from variables.models import LibraryVariableSet

TEMPLATE = "projects/library_sets.html"


class IncludeForm(forms.Form):
    sets = forms.ModelMultipleChoiceField(
        LibraryVariableSet.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "One of these sets does not exist here any more."},
    )

    def __init__(self, data: Any = None, *, request: PageRequest, project: Project) -> None:
        super().__init__(data, initial={"sets": list(project.library_sets.all())})
        self.choices = selectors.library_sets(request.user, request.space)
        self.fields["sets"].queryset = self.choices  # type: ignore[attr-defined]

    def rows(self) -> list[tuple[Any, bool]]:
        """Each set, and whether it is chosen."""
        chosen = {str(getattr(one, "pk", one)) for one in self["sets"].value() or ()}
        return [(one, str(one.pk) in chosen) for one in self.choices]


@require_http_methods(["GET", "HEAD", "POST"])
def project_library_sets(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    if request.method != "POST":
        return render(request, TEMPLATE, _context(request, project))
    require(request.user, Permission.EDIT_PROJECT, project)
    form = IncludeForm(request.POST, request=request, project=project)
    if form.is_valid() and _include(form, project, request):
        messages.success(request, "The library variable sets were saved.")
        return redirect(request, reverse("project_library_sets", args=[slug]))
    return invalid(request, TEMPLATE, _context(request, project, form))


def _include(form: IncludeForm, project: Project, request: PageRequest) -> bool:
    try:
        project_variables.include(project, list(form.cleaned_data["sets"]), user=request.user)
    except SetsTied as tied:
        for tie in tied.ties:
            form.add_error("sets", tie_sentence(tie))
        return False
    return True


def _context(request: PageRequest, project: Project, form: IncludeForm | None = None) -> dict[str, Any]:
    values = frozen.variables(
        project_variables.freeze(project),
        names=frozen.names_of(project),
        environments=environments_of(request),
    )
    return {
        "project": project,
        "tab": "variables",
        "form": form or IncludeForm(request=request, project=project),
        "values": [one for one in values if one.candidate.library],
        "own": {one.candidate.name.casefold() for one in values if not one.candidate.library},
        "can_edit": can(request.user, Permission.EDIT_PROJECT, project),
    }
