"""The only writer of projects."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import InUse
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects import parts
from projects.models import Deployment, Project, TenantedMode
from projects.selectors import unfinished_tasks, uses_by_tasks
from spaces.models import Space
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets


class NameTaken(Exception):
    """Another project of this space has the name (ignoring case)."""


def create(
    *,
    space: Space,
    name: str,
    description: str = "",
    tenanted_mode: str = TenantedMode.UNTENANTED,
    user: User | None,
) -> Project:
    """A project with an empty deployment process and no variables yet. Raises `NameTaken`."""
    slug = unique_slug(name, Project.objects.in_space(space), fallback="project")
    project = Project(space=space, name=name, slug=slug, description=description, tenanted_mode=tenanted_mode)
    with transaction.atomic():
        _save(project)
        processes.get_or_create(owner_kind=ProcessOwner.PROJECT, owner_id=project.pk, space=space)
        variable_sets.get_or_create(owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=space)
        _record(user, "Created", project, f"Created project {project.name}.")
    return project


def edit(project: Project, *, name: str, description: str, tenanted_mode: str, user: User | None) -> Project:
    """The slug stays, so that addresses go on working. Raises `NameTaken`."""
    before = project.name
    project.name, project.description, project.tenanted_mode = name, description, tenanted_mode
    with transaction.atomic():
        _save(project)
        renamed = "" if before == name else f", formerly {before}"
        _record(user, "Modified", project, f"Changed project {name}{renamed}.")
    return project


def delete(project: Project, *, user: User | None) -> None:
    """Deletes a project with its process, variables, runbooks, releases and what they ran as.

    Its tasks stay, with the names that they were given. Raises `InUse` while one of them
    is queued or running.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        unfinished = uses_by_tasks(unfinished_tasks(project))
        if unfinished:
            raise InUse(project, unfinished)
        parts.run_before_delete(project)
        _record(user, "Deleted", project, f"Deleted project {project.name}.")
        Deployment.objects.filter(release__project=project).delete()
        processes.delete(owner_kind=ProcessOwner.PROJECT, owner_id=project.pk)
        variable_sets.delete(owner_kind=VariablesOwner.PROJECT, owner_id=project.pk)
        project.delete()


def _save(project: Project) -> None:
    others = Project.objects.filter(space_id=project.space_id, name__iexact=project.name)
    if others.exclude(pk=project.pk).exists():
        raise NameTaken
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError as error:
        raise NameTaken from error


def _record(user: User | None, category: str, project: Project, message: str) -> None:
    events.record(user=user, category=category, subject=project, message=message, space=project.space)
