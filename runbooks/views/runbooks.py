"""One runbook: making, showing, changing and deleting it."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.deletion import Deletion, delete_page
from common.htmx import invalid, page, redirect
from projects.forms import NAME_TAKEN
from projects.services.projects import NameTaken
from projects.views.lookups import project_of
from runbooks import trigger_rows
from runbooks.drift import Draft, draft_of
from runbooks.forms import RunbookForm
from runbooks.models import Runbook
from runbooks.selectors import tasks_of, uses_of
from runbooks.services import runbooks
from runbooks.views.lookups import runbook_of
from tasks.run_settings import RunSettingsForm
from tasks.selectors.queue import why_waiting

PAGE_SIZE = 20


@require_http_methods(["GET", "POST"])
def runbook_create(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    form = RunbookForm(request.POST or None)
    context = {"project": project, "tab": "runbooks", "form": form}
    if request.method == "GET":
        return render(request, "runbooks/runbook_create.html", context)
    if form.is_valid():
        try:
            runbook = runbooks.create(project=project, user=request.user, **form.cleaned_data)
        except NameTaken:
            form.add_error("name", NAME_TAKEN)
        else:
            return redirect(request, reverse("runbook_process", args=[project.slug, runbook.slug]))
    return invalid(request, "runbooks/runbook_create.html", context)


@require_safe
def runbook_detail(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    page_obj = Paginator(tasks_of(found), PAGE_SIZE).get_page(request.GET.get("page"))
    waits = why_waiting(page_obj, now=timezone.now())
    context = page_context(found, "overview") | {"page_obj": page_obj, "waits": waits}
    return page(request, "runbooks/runbook_detail.html", context, partial="runs")


@require_http_methods(["GET", "POST"])
def runbook_settings(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    if request.method == "GET":
        return _settings(request, found)
    require(request.user, Permission.EDIT_PROJECT, found)
    form = RunbookForm(request.POST, runbook=found)
    if form.is_valid():
        try:
            runbooks.edit(found, user=request.user, **form.cleaned_data)
        except NameTaken:
            found.refresh_from_db()
            form.add_error("name", NAME_TAKEN)
        else:
            messages.success(request, "Runbook saved")
            return redirect(request, request.path)
    return _settings(request, found, form=form, status=422)


@require_POST
def runbook_run_settings(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    require(request.user, Permission.EDIT_PROJECT, found)
    form = RunSettingsForm(request.POST, settings=found)
    if not form.is_valid():
        return _settings(request, found, run_settings=form, status=422)
    runbooks.configure_runs(found, values=form.values(), user=request.user)
    messages.success(request, "Run settings saved")
    return redirect(request, reverse("runbook_settings", args=[slug, runbook]))


def _settings(
    request: PageRequest,
    runbook: Runbook,
    *,
    form: RunbookForm | None = None,
    run_settings: RunSettingsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = page_context(runbook, "settings") | {
        "form": form or RunbookForm(runbook=runbook),
        "run_settings": run_settings or RunSettingsForm(None, settings=runbook),
    }
    return render(request, "runbooks/runbook_settings.html", context, status=status)


@require_http_methods(["GET", "POST"])
def runbook_delete(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    require(request.user, Permission.EDIT_PROJECT, found)
    listing = reverse("project_runbooks", args=[slug])
    deletion = Deletion(
        subject=found,
        noun="runbook",
        consequence="Its process and its snapshots go with it. Its tasks and their logs stay. "
        "This cannot be undone.",
        act=partial(runbooks.delete, found, user=request.user),
        back=reverse("runbook_settings", args=[slug, runbook]),
        done=listing,
        section=(f"{found.project.name}, runbooks", listing),
        uses=uses_of,
    )
    return delete_page(request, deletion)


def page_context(runbook: Runbook, tab: str) -> dict[str, object]:
    """What every page of a runbook shows: the head with its tabs, and how the draft stands."""
    draft: Draft = draft_of(runbook)
    return {
        "project": runbook.project,
        "runbook": runbook,
        "tab": "runbooks",
        "runbook_tab": tab,
        "draft": draft,
        "snapshot_count": runbook.snapshots.count(),
        "trigger_count": trigger_rows.count(runbook=runbook),
    }
