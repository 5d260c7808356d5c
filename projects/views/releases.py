"""Releases: the list, a new one, and one with what it froze."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.htmx import invalid, page, redirect
from environments.models import Environment
from packages.services.choosing import NoSuchPackage
from processes.models import OwnerKind, Process
from processes.services import processes
from projects import frozen
from projects.forms import ReleaseForm
from projects.models import Channel, Deployment, Project, Release
from projects.package_versions import choices_of
from projects.selectors import cells_of, latest_deployments
from projects.services import channels, releases
from projects.views.lookups import environments_of, project_of, release_of

PAGE_SIZE = 25


@require_safe
def release_list(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    words = request.GET.get("q", "").strip()
    every = Release.objects.visible_to(request.user).filter(project=project)
    found = (
        every.filter(version__icontains=words)
        .select_related("created_by", "channel")
        .defer("process", "variables")
    )
    page_obj = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    environments = environments_of(request)
    context = {
        "project": project,
        "tab": "releases",
        "page_obj": page_obj,
        "rows": _with_progress(project, list(page_obj), environments),
        "query": words,
        "has_any": bool(page_obj) or every.exists(),
    }
    return page(request, "projects/release_list.html", context, partial="rows")


@require_http_methods(["GET", "POST"])
def release_create(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.CREATE_RELEASE, project)
    process = processes.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=project.space)
    choices = choices_of(project.space, processes.freeze(process))
    if request.method == "GET":
        initial = {"version": releases.suggest_version(project), "channel": channels.ensure_default(project)}
        form = ReleaseForm(initial=initial, choices=choices, channels=_channels(project))
        return render(request, "projects/release_create.html", _create_context(process, project, form))
    form = ReleaseForm(request.POST, choices=choices, channels=_channels(project))
    if form.is_valid():
        try:
            release = releases.create(
                project=project, user=request.user, packages=form.wanted, **form.own_data
            )
        except NoSuchPackage as error:
            form.add_package_error(error)
        except (releases.VersionTaken, releases.BadVersion) as error:
            form.add_error("version", str(error))
        except releases.EmptyProcess as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Release {release.version} created")
            return redirect(request, reverse("release_detail", args=[project.slug, release.version]))
    return invalid(request, "projects/release_create.html", _create_context(process, project, form))


@require_safe
def release_detail(request: PageRequest, slug: str, version: str) -> HttpResponse:
    release = release_of(request, slug, version)
    environments = environments_of(request)
    names = frozen.names_of(release.project)
    context = {
        "project": release.project,
        "tab": "releases",
        "release": release,
        "cells": cells_of(release, environments),
        "steps": frozen.steps(release.process),
        "packages": frozen.packages(request.space, release.packages),
        "builds": frozen.builds(request.space, release.packages),
        "variables": frozen.variables(release.variables, names=names, environments=environments),
    }
    return page(request, "projects/release_detail.html", context, partial="deployments")


def _channels(project: Project) -> QuerySet[Channel]:
    found: QuerySet[Channel] = Channel.objects.filter(project=project)
    return found


def _create_context(process: Process, project: Project, form: ReleaseForm) -> dict[str, object]:
    return {"project": project, "tab": "releases", "form": form, "is_empty": not process.steps.exists()}


def _with_progress(
    project: Project, shown: list[Release], environments: list[Environment]
) -> list[tuple[Release, list[tuple[Environment, Deployment]]]]:
    """Each release with its newest deployment per environment and tenant, in the order of environments."""
    deployments = latest_deployments(project)
    return [
        (
            release,
            [
                (environment, one)
                for environment in environments
                for one in deployments
                if (one.release_id, one.environment_id) == (release.pk, environment.pk)
            ],
        )
        for release in shown
    ]
