"""Snapshots of a runbook: the list, the comparison with the draft, and publishing."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.htmx import redirect
from packages.services.choosing import NoSuchPackage
from projects import frozen
from projects.package_versions import Choice, choices_of
from projects.services.releases import EmptyProcess
from projects.views.lookups import environments_of
from runbooks.forms import PublishForm
from runbooks.models import Runbook, RunbookSnapshot
from runbooks.services import snapshots
from runbooks.services.snapshots import freeze_draft
from runbooks.views.lookups import runbook_of
from runbooks.views.runbooks import page_context

PAGE_SIZE = 20


@require_safe
def runbook_snapshots(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    return _list(request, found, PublishForm(choices=_choices(found)))


@require_safe
def runbook_snapshot(request: PageRequest, slug: str, runbook: str, number: int) -> HttpResponse:
    """What a snapshot froze, and what the draft changed since."""
    found = runbook_of(request, slug, runbook)
    snapshot = get_object_or_404(found.snapshots.select_related("created_by"), number=number)
    draft = freeze_draft(found)
    names = frozen.names_of(found.project)
    context = page_context(found, "snapshots") | {
        "snapshot": snapshot,
        "steps": frozen.steps(snapshot.process),
        "packages": frozen.packages(request.space, snapshot.packages),
        "variables": frozen.variables(snapshot.variables, names=names, environments=environments_of(request)),
        "diff": frozen.compare(
            (snapshot.process, snapshot.variables), (draft.process, draft.variables), names=names
        ),
    }
    return render(request, "runbooks/runbook_snapshot.html", context)


@require_POST
def runbook_publish(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    """The draft as a new snapshot; with `snapshot` in the form, that older one again."""
    found = runbook_of(request, slug, runbook)
    require(request.user, Permission.EDIT_PROJECT, found)
    if request.POST.get("snapshot"):
        snapshot = _snapshot_of(found, request.POST["snapshot"])
        snapshots.make_published(snapshot, user=request.user)
        return _published(request, snapshot)
    form = PublishForm(request.POST, choices=_choices(found))
    if form.is_valid():
        try:
            snapshot = snapshots.publish(
                runbook=found, user=request.user, packages=form.wanted, **form.own_data
            )
        except NoSuchPackage as error:
            form.add_package_error(error)
        except EmptyProcess as error:
            form.add_error(None, str(error))
        else:
            return _published(request, snapshot)
    return _list(request, found, form, status=422)


def _choices(runbook: Runbook) -> list[Choice]:
    return choices_of(runbook.project.space, freeze_draft(runbook).process)


def _snapshot_of(runbook: Runbook, number: str) -> RunbookSnapshot:
    rows = runbook.snapshots.select_related("runbook__project__space")
    found: RunbookSnapshot = get_object_or_404(
        rows, number=int(number) if number.isdecimal() and len(number) < 10 else 0
    )
    return found


def _published(request: PageRequest, snapshot: RunbookSnapshot) -> HttpResponse:
    runbook = snapshot.runbook
    messages.success(request, f"Snapshot {snapshot.number} is published")
    return redirect(request, reverse("runbook_snapshots", args=[runbook.project.slug, runbook.slug]))


def _list(request: PageRequest, runbook: Runbook, form: PublishForm, *, status: int = 200) -> HttpResponse:
    every = runbook.snapshots.select_related("created_by").defer("process", "variables")
    page_obj = Paginator(every, PAGE_SIZE).get_page(request.GET.get("page"))
    context = page_context(runbook, "snapshots") | {
        "page_obj": page_obj,
        "form": form,
        "diff": _unpublished(runbook),
    }
    return render(request, "runbooks/runbook_snapshots.html", context, status=status)


def _unpublished(runbook: Runbook) -> list[frozen.Line]:
    """What publishing would change."""
    published = (
        RunbookSnapshot.objects.filter(pk=runbook.published_id).first() if runbook.published_id else None
    )
    if published is None:
        return []
    draft = freeze_draft(runbook)
    return frozen.compare(
        (published.process, published.variables),
        (draft.process, draft.variables),
        names=frozen.names_of(runbook.project),
    )
