"""The draft of a runbook, in the shared editor."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from accounts.requests import PageRequest
from domain.scopes import runbook_process as process_ref
from processes.models import OwnerKind
from projects.process_editor import Baseline, ProcessOwner, edit
from runbooks.models import Runbook
from runbooks.views.lookups import runbook_of
from runbooks.views.runbooks import page_context


def runbook_process(request: PageRequest, slug: str, runbook: str, **route: Any) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    project = found.project
    owner = ProcessOwner(
        project=project,
        kind=OwnerKind.RUNBOOK,
        pk=found.pk,
        process_ref=process_ref(found.pk),
        title=found.name,
        description=found.description,
        url=reverse("runbook_process", args=[project.slug, found.slug]),
        variables_url=reverse("project_variables", args=[project.slug]),
        crumbs=(
            ("Projects", reverse("project_list")),
            (project.name, reverse("project_detail", args=[project.slug])),
            ("Runbooks", reverse("project_runbooks", args=[project.slug])),
            (found.name, reverse("runbook_detail", args=[project.slug, found.slug])),
        ),
        tabs_template="runbooks/_tabs.html",
        actions_template="runbooks/_actions.html",
        context=page_context(found, "process"),
        baseline=lambda: _published(found),
        nothing_frozen="A published snapshot freezes the process. This runbook has none yet.",
    )
    return edit(request, owner=owner, **route)


def _published(runbook: Runbook) -> Baseline | None:
    snapshot = runbook.snapshots.filter(pk=runbook.published_id).first() if runbook.published_id else None
    if snapshot is None:
        return None
    url = reverse("runbook_snapshot", args=[runbook.project.slug, runbook.slug, snapshot.number])
    return Baseline(str(snapshot), url, snapshot.process)
