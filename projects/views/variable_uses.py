"""Who refers to a variable of a project, and the variable under another name wherever it is referred to."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common.htmx import invalid, redirect
from processes.services.processes import StaleProcess
from projects.models import Project
from projects.services import renaming
from projects.services.renaming import CannotRename, Found, Versions
from projects.views.lookups import project_of
from variables.services.rows import RowsRefused, TiedValues
from variables.services.variable_sets import StaleVariables

TEMPLATE = "variables/uses.html"
CHANGED = "Somebody saved the variables or a process meanwhile. This is what the new name changes now."


@require_http_methods(["GET", "HEAD", "POST"])
def variable_uses(request: PageRequest, slug: str) -> HttpResponse:
    """GET lists, with `new` it shows what the new name changes; POST renames."""
    project = project_of(request, slug)
    data = request.POST if request.method == "POST" else request.GET
    name, new = data.get("name", "").strip(), data.get("new", "").strip()
    if not name:
        return redirect(request, reverse("project_variables", args=[project.slug]))
    if request.method == "POST":
        require(request.user, Permission.EDIT_PROJECT, project)
        return _rename(request, project, name, new)
    try:
        found = renaming.find(project, name, new)
    except CannotRename as refused:
        return invalid(request, TEMPLATE, _context(request, project, name, new, error=str(refused)))
    return render(request, TEMPLATE, _context(request, project, name, new, found))


def _rename(request: PageRequest, project: Project, name: str, new: str) -> HttpResponse:
    try:
        if not new:
            raise CannotRename("Enter the new name.")
        found = renaming.rename(project, name, new, versions=_versions(request), user=request.user)
    except (StaleVariables, StaleProcess):
        found = renaming.find(project, name, new)
        context = _context(request, project, name, new, found, error=CHANGED)
        return render(request, TEMPLATE, context, status=409)
    except (CannotRename, RowsRefused, TiedValues) as refused:
        return invalid(request, TEMPLATE, _context(request, project, name, new, error=str(refused)))
    messages.success(request, f"{name} is called {new} now, also in {_places(found)}.")
    address = reverse("project_variables", args=[project.slug])
    return redirect(request, f"{address}?{urlencode({'name': new})}")


def _places(found: Found) -> str:
    count = len(found.uses)
    return f"{count} place{'' if count == 1 else 's'} that refer{'s' if count == 1 else ''} to it"


def _versions(request: PageRequest) -> Versions:
    """As the page with the changes was made with them; what cannot be read is a version that never was."""
    processes = {}
    for pair in request.POST.getlist("process"):
        pk, _, version = pair.partition(":")
        processes[_number(pk)] = _number(version)
    return Versions(_number(request.POST.get("version", "")), processes)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _context(
    request: PageRequest,
    project: Project,
    name: str,
    new: str,
    found: Found | None = None,
    *,
    error: str = "",
) -> dict[str, Any]:
    found = found or renaming.find(project, name)
    return {
        "project": project,
        "tab": "variables",
        "name": name,
        "new": new,
        "found": found,
        "processes": [f"{pk}:{version}" for pk, version in found.versions.processes.items()],
        "is_preview": bool(new) and error in ("", CHANGED),
        "error": error,
        "can_edit": can(request.user, Permission.EDIT_PROJECT, project),
    }
