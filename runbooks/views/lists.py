"""Runbooks of a space and of a project."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.requests import PageRequest
from common.htmx import page
from projects.models import Project
from projects.selectors import latest_task_by_runbook
from projects.views.lookups import project_of
from runbooks.models import Runbook
from runbooks.selectors import visible_runbooks

PAGE_SIZE = 25
PROJECTS_OFFERED = 10


@require_safe
def runbook_list(request: PageRequest) -> HttpResponse:
    every = visible_runbooks(request.user, request.space).order_by("project__name", "name")
    projects = list(_projects(request)[: PROJECTS_OFFERED + 1])
    context = _context(request, every) | {
        "projects": projects[:PROJECTS_OFFERED],
        "has_more_projects": len(projects) > PROJECTS_OFFERED,
    }
    return page(request, "runbooks/runbook_list.html", context, partial="rows")


@require_safe
def project_runbooks(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    every = visible_runbooks(request.user, project.space).filter(project=project)
    context = _context(request, every) | {"project": project, "tab": "runbooks"}
    return page(request, "runbooks/project_runbooks.html", context, partial="rows")


def _context(request: PageRequest, every: QuerySet[Runbook]) -> dict[str, object]:
    words = request.GET.get("q", "").strip()
    wanted = Q(name__icontains=words) | Q(description__icontains=words) | Q(project__name__icontains=words)
    page_obj = Paginator(every.filter(wanted), PAGE_SIZE).get_page(request.GET.get("page"))
    latest = latest_task_by_runbook(runbook.pk for runbook in page_obj)
    return {
        "page_obj": page_obj,
        "rows": [(runbook, latest.get(runbook.pk)) for runbook in page_obj],
        "query": words,
        "has_any": bool(page_obj) or every.exists(),
    }


def _projects(request: PageRequest) -> QuerySet[Project]:
    """Where a new runbook can go."""
    return Project.objects.visible_to(request.user).in_space(request.space)
