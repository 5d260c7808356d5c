"""The only writer of releases."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from domain.plan_packages import chosen_of
from domain.processes import ProcessDef
from packages.models import OwnerKind as PackageOwner
from packages.services import choosing
from packages.services.choosing import Wanted
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects import versions
from projects.models import Project, Release
from projects.services import project_variables


class BadVersion(ValueError):
    """The text is not a version; the message says what one looks like."""


class VersionTaken(Exception):
    """The project has a release of this version."""

    def __init__(self, version: str) -> None:
        super().__init__(f"This project has a release {version} already. Choose another version.")


class EmptyProcess(Exception):
    """A process without steps cannot be frozen: nothing would run."""

    def __init__(self) -> None:
        super().__init__("The process has no steps, so there is nothing to run. Add a step first.")


def suggest_version(project: Project) -> str:
    latest = Release.objects.filter(project=project).first()
    return versions.next_after(latest.version if latest else None)


def create(
    *,
    project: Project,
    version: str,
    notes: str = "",
    packages: Wanted | None = None,
    user: User | None,
) -> Release:
    """Freezes process, variables and the versions of packages: those that are wanted, else the newest.

    Raises `BadVersion`, `VersionTaken`, `EmptyProcess` or `packages.services.choosing.NoSuchPackage`.
    """
    problem = versions.problem_with(version)
    if problem:
        raise BadVersion(problem)
    with transaction.atomic():
        if Release.objects.filter(project=project, version=version).exists():
            raise VersionTaken(version)
        release = Release(project=project, version=version, notes=notes, created_by=user)
        _freeze(release, packages)
        _save(release)
        events.record(
            user=user,
            category="Created",
            subject=release,
            message=f"Created release {version} of {project.name}.",
            space=project.space,
        )
    return release


def _freeze(release: Release, packages: Wanted | None) -> None:
    project = release.project
    process = processes.get_or_create(
        owner_kind=ProcessOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    release.process = processes.freeze(process)
    release.variables = project_variables.freeze(project)
    if not release.process["steps"]:
        raise EmptyProcess
    chosen = choosing.choose(project.space, ProcessDef.from_json(release.process), packages)
    release.packages = choosing.to_json(chosen)


def _save(release: Release) -> None:
    try:
        with transaction.atomic():
            release.save()
    except IntegrityError as error:
        raise VersionTaken(release.version) from error
    choosing.hold(
        release.project.space, chosen_of(release.packages), kind=PackageOwner.RELEASE, owner_id=release.pk
    )
