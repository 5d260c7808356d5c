"""The deployment process of a project, in the shared editor."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from accounts.requests import PageRequest
from domain.scopes import DEPLOYMENT_PROCESS
from processes.models import OwnerKind
from projects.models import Project
from projects.process_editor import Baseline, ProcessOwner
from projects.process_editor import edit as edit_process
from projects.views.lookups import project_of


def project_process(request: PageRequest, slug: str, **route: Any) -> HttpResponse:
    project = project_of(request, slug)
    owner = ProcessOwner(
        project=project,
        kind=OwnerKind.PROJECT,
        pk=project.pk,
        process_ref=DEPLOYMENT_PROCESS,
        title=project.name,
        description=project.description,
        url=reverse("project_process", args=[project.slug]),
        variables_url=reverse("project_variables", args=[project.slug]),
        crumbs=(
            ("Projects", reverse("project_list")),
            (project.name, reverse("project_detail", args=[project.slug])),
        ),
        actions_template="projects/_actions.html",
        context={"project": project},
        baseline=lambda: _last_release(project),
        nothing_frozen="A release freezes the process. This project has none yet.",
    )
    return edit_process(request, owner=owner, **route)


def _last_release(project: Project) -> Baseline | None:
    release = project.releases.first()
    if release is None:
        return None
    url = reverse("release_detail", args=[project.slug, release.version])
    return Baseline(f"release {release.version}", url, release.process)
