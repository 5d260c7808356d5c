"""What the views of a project start with: rows that the user may see, in the space of the address."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from accounts.requests import PageRequest
from environments.models import Environment
from projects.models import Project, Release


def project_of(request: PageRequest, slug: str) -> Project:
    """404 for a project of another space."""
    visible = Project.objects.visible_to(request.user).in_space(request.space)
    found: Project = get_object_or_404(visible.select_related("space"), slug=slug)
    return found


def release_of(request: PageRequest, slug: str, version: str) -> Release:
    visible = Release.objects.visible_to(request.user).filter(
        project__space=request.space,
        project__slug=slug,
    )
    rows = visible.select_related("project__space", "created_by", "channel")
    found: Release = get_object_or_404(rows, version=version)
    return found


def environments_of(request: PageRequest) -> list[Environment]:
    return list(Environment.objects.visible_to(request.user).in_space(request.space))
