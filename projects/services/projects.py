"""The only writer of projects."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import InUse
from environments.models import Lifecycle
from packages.models import OwnerKind as PackageOwner
from packages.services import packages
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects import parts
from projects.models import Deployment, Project, ProjectGroup, Release, TenantedMode
from projects.selectors import unfinished_tasks, uses_by_tasks
from projects.services import channels
from spaces.models import Space
from tasks.services import run_settings
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
    group: ProjectGroup | None = None,
    lifecycle: Lifecycle | None = None,
    user: User | None,
) -> Project:
    """A project with an empty deployment process, a default channel and no variables yet. Raises `NameTaken`.

    No group or lifecycle means the default one of the space.
    """
    slug = unique_slug(name, Project.objects.in_space(space), fallback="project")
    project = Project(space=space, name=name, slug=slug, description=description, tenanted_mode=tenanted_mode)
    project.group, project.lifecycle = group, lifecycle
    with transaction.atomic():
        _save(project)
        processes.get_or_create(owner_kind=ProcessOwner.PROJECT, owner_id=project.pk, space=space)
        variable_sets.get_or_create(owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=space)
        channels.ensure_default(project)
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


def place(
    project: Project, *, group: ProjectGroup | None, lifecycle: Lifecycle | None, user: User | None
) -> None:
    """Puts it into a group and lets its releases follow a lifecycle; None means the default of the space."""
    if (project.group, project.lifecycle) == (group, lifecycle):
        return
    with transaction.atomic():
        project.group, project.lifecycle = group, lifecycle
        project.save(update_fields=["group", "lifecycle", "updated_at"])
        message = f"Changed the group or the lifecycle of project {project.name}."
        _record(user, "Modified", project, message)


def set_pasting(project: Project, *, is_refused: bool, user: User | None) -> None:
    """Whether answers to prompts may get into the text of scripts."""
    if project.refuses_pasted == is_refused:
        return
    with transaction.atomic():
        project.refuses_pasted = is_refused
        project.save(update_fields=["refuses_pasted", "updated_at"])
        does = "refuses" if is_refused else "allows"
        message = f"Project {project.name} {does} answers in the text of scripts from now on."
        _record(user, "Modified", project, message)


def configure_runs(project: Project, *, values: dict[str, Any], user: User | None) -> None:
    """How its deployments behave; `values` are fields of `tasks.models.RunSettings`."""
    with transaction.atomic():
        changes = run_settings.save(project, values)
        if changes:
            message = f"Changed how deployments of project {project.name} run."
            _record(user, "Modified", project, message, details=changes)


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
        releases_of = Release.objects.filter(project=project).values_list("pk", flat=True)
        packages.let_go(kind=PackageOwner.RELEASE, owner_ids=list(releases_of))
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


def _record(
    user: User | None, category: str, project: Project, message: str, *, details: dict[str, Any] | None = None
) -> None:
    events.record(
        user=user,
        category=category,
        subject=project,
        message=message,
        space=project.space,
        details=details,
    )
