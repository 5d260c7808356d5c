"""The only writer of runbooks."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import InUse
from packages.models import OwnerKind as PackageOwner
from packages.services import packages
from processes.models import OwnerKind
from processes.services import processes
from projects.models import Project
from projects.services.projects import NameTaken
from runbooks.models import Runbook
from runbooks.selectors import uses_of
from tasks.services import run_settings


def create(*, project: Project, name: str, description: str = "", user: User | None) -> Runbook:
    """A runbook with an empty draft. Raises `NameTaken`."""
    slug = unique_slug(name, Runbook.objects.filter(project=project), fallback="runbook")
    runbook = Runbook(project=project, name=name, slug=slug, description=description)
    with transaction.atomic():
        _save(runbook)
        processes.get_or_create(owner_kind=OwnerKind.RUNBOOK, owner_id=runbook.pk, space=project.space)
        _record(user, "Created", runbook, f"Created runbook {name} in {project.name}.")
    return runbook


def edit(runbook: Runbook, *, name: str, description: str, user: User | None) -> Runbook:
    """The slug stays, so that addresses go on working. Raises `NameTaken`."""
    before = runbook.name
    runbook.name, runbook.description = name, description
    with transaction.atomic():
        _save(runbook)
        renamed = "" if before == name else f", formerly {before}"
        _record(user, "Modified", runbook, f"Changed runbook {name}{renamed}.")
    return runbook


def configure_runs(runbook: Runbook, *, values: dict[str, Any], user: User | None) -> None:
    """How its runs behave; `values` are fields of `tasks.models.RunSettings`."""
    with transaction.atomic():
        changes = run_settings.save(runbook, values)
        if changes:
            message = f"Changed how runbook {runbook.name} of {runbook.project.name} runs."
            _record(user, "Modified", runbook, message, details=changes)


def delete(runbook: Runbook, *, user: User | None) -> None:
    """Deletes a runbook with its process, snapshots and runs; its tasks stay.

    Raises `InUse` while one of these is queued or running, while triggers start it, and while variables are
    scoped to the runbook: without their scope these would apply to nothing, or to everything.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=runbook.project_id)
        uses = uses_of(runbook)
        if uses:
            raise InUse(runbook, uses)
        _record(user, "Deleted", runbook, f"Deleted runbook {runbook.name} of {runbook.project.name}.")
        processes.delete(owner_kind=OwnerKind.RUNBOOK, owner_id=runbook.pk)
        _let_packages_go(runbook)
        runbook.delete()


def delete_parts(project: Project) -> None:
    """Deletes what the deletion of a project cannot reach itself: the drafts of its runbooks, and the hold
    of their snapshots on packages."""
    for runbook in Runbook.objects.filter(project=project):
        processes.delete(owner_kind=OwnerKind.RUNBOOK, owner_id=runbook.pk)
        _let_packages_go(runbook)


def _let_packages_go(runbook: Runbook) -> None:
    packages.let_go(
        kind=PackageOwner.SNAPSHOT, owner_ids=list(runbook.snapshots.values_list("pk", flat=True))
    )


def _save(runbook: Runbook) -> None:
    others = Runbook.objects.filter(project_id=runbook.project_id, name__iexact=runbook.name)
    if others.exclude(pk=runbook.pk).exists():
        raise NameTaken
    try:
        with transaction.atomic():
            runbook.save()
    except IntegrityError as error:
        raise NameTaken from error


def _record(
    user: User | None, category: str, runbook: Runbook, message: str, *, details: dict[str, Any] | None = None
) -> None:
    events.record(
        user=user,
        category=category,
        subject=runbook,
        message=message,
        space=runbook.project.space,
        details=details,
    )
