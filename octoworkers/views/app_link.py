"""The addresses that clients of Octopus Deploy print, such as /app#/Spaces-1/tasks/ServerTasks-7."""

from __future__ import annotations

from itertools import pairwise

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from common.api.serializers import find
from domain import ids
from domain.ids import IdKind
from projects.models import Project
from spaces.models import Space
from tasks.models import ServerTask


@require_GET
def app(request: PageRequest) -> HttpResponse:
    """What stands after the # is handed over by a script."""
    return render(request, "octoworkers/app_link.html")


@require_GET
def app_open(request: PageRequest) -> HttpResponse:
    """Leads to the page that shows the thing: a task, a project, or the dashboard of a space."""
    parts = [part for part in request.GET.get("to", "").split("?")[0].split("/") if part]
    if not parts:
        return HttpResponseRedirect(reverse("dashboard"))
    space = find(Space.objects.visible_to(request.user), IdKind.SPACE, parts[0])
    if space is None:
        raise Http404("There is no such space.")
    prefix = "" if space.is_default else f"/s/{space.slug}"
    return HttpResponseRedirect(prefix + _page(request, space, parts[1:]))


def _page(request: PageRequest, space: Space, parts: list[str]) -> str:
    """The path inside of the space. The first part that is known decides."""
    for word, ref in pairwise(parts):
        if word == "tasks" and ids.is_id(IdKind.TASK, ref):
            rows = ServerTask.objects.visible_to(request.user).in_space(space)
            if rows.filter(pk=ids.decode(IdKind.TASK, ref)).exists():
                return f"/tasks/{ids.decode(IdKind.TASK, ref)}/"
        if word == "projects":
            project = find(Project.objects.visible_to(request.user).in_space(space), IdKind.PROJECT, ref)
            if project is not None:
                return f"/projects/{project.slug}/"
    if parts:
        raise Http404("There is nothing at this address of this space.")
    return "/"
