"""Deploying a release, through the run dialog."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from projects.models import Release
from projects.run_dialog.dialog import Choice, RunDialog, Source
from projects.run_dialog.views import answer, answer_plan
from projects.services import deployments
from projects.views.lookups import release_of
from tasks.models import ServerTask


@require_http_methods(["GET", "POST"])
def release_deploy(request: PageRequest, slug: str, version: str) -> HttpResponse:
    return answer(request, _dialog(request, release_of(request, slug, version)))


@require_http_methods(["GET", "HEAD", "POST"])
def release_deploy_plan(request: PageRequest, slug: str, version: str) -> HttpResponse:
    return answer_plan(request, _dialog(request, release_of(request, slug, version)))


def _dialog(request: PageRequest, release: Release) -> RunDialog:
    require(request.user, Permission.RUN, release)
    project = release.project

    def start(choice: Choice) -> list[ServerTask]:
        return deployments.deploy(
            release=release,
            environments=choice.environments,
            tenants=choice.tenants,
            user=request.user,
            now=choice.now,
            wishes=choice.wishes,
            seen=choice.seen,
        )

    return RunDialog(
        project=project,
        title=f"Deploy {project.name} {release.version}",
        subtitle=f"{project.name}, release {release.version}",
        verb="Deploy",
        run_url=reverse("release_deploy", args=[project.slug, release.version]),
        plan_url=reverse("release_deploy_plan", args=[project.slug, release.version]),
        back_url=reverse("release_detail", args=[project.slug, release.version]),
        process_url=reverse("project_process", args=[project.slug]),
        sources=[Source(release.version, f"Release {release.version}")],
        source_label="Release",
        runnable=lambda source: deployments.runnable(release),
        start=start,
    )
