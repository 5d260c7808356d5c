"""The list of projects, and making, changing and deleting one."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.deletion import Deletion, delete_page
from common.htmx import invalid, page, redirect
from environments.models import Environment, Lifecycle
from projects.forms import NAME_TAKEN, PlaceForm, ProjectForm, TenantLinksForm
from projects.models import Project, ProjectGroup, TenantedMode
from projects.selectors import latest_task_by_project, progression, tasks_of, unfinished_tasks, uses_by_tasks
from projects.services import projects, tenant_links
from projects.views.lookups import environments_of, project_of
from tasks.run_settings import RunSettingsForm
from tasks.selectors.queue import why_waiting
from tenants.models import Tenant

PAGE_SIZE = 25
RECENT_TASKS = 8


@require_safe
def project_list(request: PageRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()
    visible = Project.objects.visible_to(request.user).in_space(request.space)
    found = visible.filter(Q(name__icontains=words) | Q(description__icontains=words))
    page_obj = Paginator(
        found.annotate(release_count=Count("releases")).order_by("name"), PAGE_SIZE
    ).get_page(request.GET.get("page"))
    latest = latest_task_by_project(page_obj)
    context = {
        "page_obj": page_obj,
        "rows": [(project, latest.get(project.pk)) for project in page_obj],
        "query": words,
        "has_any": bool(page_obj) or visible.exists(),
    }
    return page(request, "projects/project_list.html", context, partial="rows")


@require_http_methods(["GET", "POST"])
def project_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_PROJECT)
    form = ProjectForm(request.POST or None)
    if request.method == "GET":
        return render(request, "projects/project_create.html", {"form": form})
    if form.is_valid():
        try:
            project = projects.create(space=request.space, user=request.user, **form.cleaned_data)
        except projects.NameTaken:
            form.add_error("name", NAME_TAKEN)
        else:
            return redirect(request, reverse("project_detail", args=[project.slug]))
    return invalid(request, "projects/project_create.html", {"form": form})


@require_safe
def project_detail(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    environments = environments_of(request)
    tasks = list(tasks_of(project)[:RECENT_TASKS])
    context = {
        "project": project,
        "tab": "overview",
        "environments": environments,
        "rows": progression(project, environments),
        "tasks": tasks,
        "waits": why_waiting(tasks, now=timezone.now()),
    }
    return page(request, "projects/project_detail.html", context, partial="state")


@require_http_methods(["GET", "POST"])
def project_settings(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    if request.method == "GET":
        return _settings(request, project)
    require(request.user, Permission.EDIT_PROJECT, project)
    form = ProjectForm(request.POST, project=project)
    if form.is_valid():
        try:
            projects.edit(project, user=request.user, **form.cleaned_data)
        except projects.NameTaken:
            project.refresh_from_db()
            form.add_error("name", NAME_TAKEN)
        else:
            messages.success(request, "Project saved")
            return redirect(request, reverse("project_settings", args=[project.slug]))
    return _settings(request, project, form=form, status=422)


@require_http_methods(["POST"])
def project_place(request: PageRequest, slug: str) -> HttpResponse:
    """Its group and its lifecycle."""
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    form = _place_form(request, project, bound=True)
    if not form.is_valid():
        return _settings(request, project, place_form=form, status=422)
    projects.place(project, user=request.user, **form.cleaned_data)
    messages.success(request, "Saved")
    return redirect(request, reverse("project_settings", args=[project.slug]))


@require_http_methods(["POST"])
def project_run_settings(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    form = RunSettingsForm(request.POST, settings=project)
    if not form.is_valid():
        return _settings(request, project, run_settings=form, status=422)
    projects.configure_runs(project, values=form.values(), user=request.user)
    messages.success(request, "Run settings saved")
    return redirect(request, reverse("project_settings", args=[project.slug]))


@require_http_methods(["POST"])
def project_pasting(request: PageRequest, slug: str) -> HttpResponse:
    """A form of one switch, which is off where nothing is sent."""
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    projects.set_pasting(project, is_refused="refuses_pasted" in request.POST, user=request.user)
    messages.success(request, "Saved")
    return redirect(request, reverse("project_settings", args=[project.slug]))


@require_http_methods(["POST"])
def project_tenants(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    form = _links_form(request, project, bound=True)
    if not form.is_valid():
        return _settings(request, project, links_form=form, status=422)
    tenant_links.replace(project, links=form.links, user=request.user)
    messages.success(request, "Tenants saved")
    return redirect(request, reverse("project_settings", args=[project.slug]))


@require_http_methods(["GET", "POST"])
def project_delete(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    listing = reverse("project_list")
    deletion = Deletion(
        subject=project,
        noun="project",
        consequence="Its process, variables, runbooks, snapshots and releases go with it. "
        "Its tasks and their logs stay. This cannot be undone.",
        act=partial(projects.delete, project, user=request.user),
        back=reverse("project_settings", args=[slug]),
        done=listing,
        section=("Projects", listing),
        uses=lambda subject: uses_by_tasks(unfinished_tasks(project)),
    )
    return delete_page(request, deletion)


def _settings(
    request: PageRequest,
    project: Project,
    *,
    form: ProjectForm | None = None,
    links_form: TenantLinksForm | None = None,
    place_form: PlaceForm | None = None,
    run_settings: RunSettingsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "project": project,
        "tab": "settings",
        "form": form or ProjectForm(project=project),
        "place_form": place_form or _place_form(request, project),
        "links_form": links_form or _links_form(request, project),
        "run_settings": run_settings or RunSettingsForm(None, settings=project),
        "uses_tenants": project.tenanted_mode != TenantedMode.UNTENANTED,
    }
    return render(request, "projects/project_settings.html", context, status=status)


def _place_form(request: PageRequest, project: Project, *, bound: bool = False) -> PlaceForm:
    return PlaceForm(
        request.POST if bound else None,
        project=project,
        groups=ProjectGroup.objects.visible_to(request.user).in_space(request.space),
        lifecycles=Lifecycle.objects.visible_to(request.user).in_space(request.space),
    )


def _links_form(request: PageRequest, project: Project, *, bound: bool = False) -> TenantLinksForm:
    space = request.space
    return TenantLinksForm(
        request.POST if bound else None,
        project=project,
        tenants=list(Tenant.objects.visible_to(request.user).in_space(space)),
        environments=list(Environment.objects.visible_to(request.user).in_space(space)),
    )
