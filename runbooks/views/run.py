"""Running a runbook, through the run dialog."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from projects.run_dialog.dialog import Choice, RunDialog, Source
from projects.run_dialog.views import answer, answer_plan
from runbooks.models import Runbook, RunbookSnapshot
from runbooks.services import runs
from runbooks.views.lookups import runbook_of
from tasks.models import ServerTask

DRAFT = "draft"
#: Older snapshots that can be chosen besides the published one; others can be published again.
CHOICES = 10


@require_http_methods(["GET", "POST"])
def runbook_run(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    return answer(request, _dialog(request, runbook_of(request, slug, runbook)))


@require_http_methods(["GET", "HEAD", "POST"])
def runbook_run_plan(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    return answer_plan(request, _dialog(request, runbook_of(request, slug, runbook)))


def _dialog(request: PageRequest, runbook: Runbook) -> RunDialog:
    require(request.user, Permission.RUN, runbook)
    may_run_draft = can(request.user, Permission.RUN_DRAFT, runbook)
    snapshots = _choices(runbook, all_of_them=may_run_draft)

    def start(choice: Choice) -> list[ServerTask]:
        return runs.run(
            runbook=runbook,
            snapshot=snapshots.get(choice.source),
            environments=choice.environments,
            tenants=choice.tenants,
            user=request.user,
            now=choice.now,
            wishes=choice.wishes,
            seen=choice.seen,
        )

    address = [runbook.project.slug, runbook.slug]
    return RunDialog(
        project=runbook.project,
        title=f"Run {runbook.name}",
        subtitle=_subtitle(runbook),
        verb="Run",
        run_url=reverse("runbook_run", args=address),
        plan_url=reverse("runbook_run_plan", args=address),
        back_url=reverse("runbook_detail", args=address),
        process_url=reverse("runbook_process", args=address),
        sources=_sources(snapshots, runbook, may_run_draft=may_run_draft),
        nothing_to_run=(
            "This runbook has no published snapshot. Ask somebody who may edit it to publish one."
        ),
        runnable=lambda source: runs.runnable(runbook, snapshots.get(source)),
        start=start,
    )


def _choices(runbook: Runbook, *, all_of_them: bool) -> dict[str, RunbookSnapshot]:
    """By form value, the published one first; the others are for those who may run drafts too."""
    recent = list(runbook.snapshots.select_related("created_by")[:CHOICES])
    published = [one for one in recent if one.pk == runbook.published_id]
    if not published and runbook.published_id:
        published = list(runbook.snapshots.filter(pk=runbook.published_id))
    rest = [one for one in recent if one.pk != runbook.published_id and all_of_them]
    return {str(one.number): one for one in (*published, *rest)}


def _sources(snapshots: dict[str, RunbookSnapshot], runbook: Runbook, *, may_run_draft: bool) -> list[Source]:
    sources = [
        Source(value, f"{one} (published)" if one.pk == runbook.published_id else str(one))
        for value, one in snapshots.items()
    ]
    if may_run_draft:
        sources.insert(1 if runbook.published_id else 0, Source(DRAFT, "Draft"))
    return sources


def _subtitle(runbook: Runbook) -> str:
    published = runbook.published
    if published is None:
        return f"{runbook.project.name}, not published yet"
    day = date_format(timezone.localtime(published.created_at), "j M")
    by = f" by {published.created_by}" if published.created_by_id else ""
    return f"{runbook.project.name}, snapshot {published.number}, published {day}{by}"
