"""The only writer of deployments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from domain.scopes import DEPLOYMENT_PROCESS
from domain.system_variables import Ref, RunFacts
from environments.models import Environment
from projects.addresses import path_in_space
from projects.models import Deployment, Project, Release
from projects.places import Place, places_for, same_place
from projects.services import runs
from tasks.models import Kind, ServerTask
from tasks.subjects import CannotRerun
from tenants.models import Tenant

SUBJECT = "deployment"


def runnable(release: Release) -> runs.Runnable:
    """The release as something to plan and to start."""
    project = release.project
    return runs.Runnable(
        project=project,
        kind=Kind.DEPLOY,
        name=f"Deploy {project.name} {release.version}",
        subject_kind=SUBJECT,
        subject_id=release.pk,
        subject_path=path_in_space("release_detail", project.slug, release.version),
        process=release.process,
        variables=release.variables,
        process_ref=DEPLOYMENT_PROCESS,
        process_label="Deployment process",
        slot=f"deploy:{project.pk}",
    )


def deploy(
    *,
    release: Release,
    environments: Sequence[Environment],
    tenants: Sequence[Tenant] = (),
    user: User,
    now: datetime,
) -> list[ServerTask]:
    """One task per environment and connected tenant; all or none.

    Raises `projects.places.NoPlace` or `projects.services.runs.RunRefused`.
    """
    places = places_for(release.project, environments=environments, tenants=tenants)
    return _start(release, places, user=user, now=now)


def rerun(task: ServerTask, user: User) -> ServerTask:
    """The same release in the same place again, planned afresh. Raises CannotRerun, or as `deploy` does."""
    require(user, Permission.RUN, task)
    deployment = Deployment.objects.select_related("release__project__space").filter(task=task).first()
    if deployment is None:
        raise CannotRerun("The project that this task deployed has been deleted.")
    place = same_place(deployment.release.project, task)
    return _start(deployment.release, [place], user=user, now=timezone.now(), rerun_of=task)[0]


def _start(
    release: Release,
    places: Sequence[Place],
    *,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
) -> list[ServerTask]:
    with transaction.atomic():
        # Held against a deletion of the project meanwhile.
        Project.objects.select_for_update().get(pk=release.project_id)
        started = runs.start(runnable(release), places, user=user, now=now, rerun_of=rerun_of)
        for place, task in started:
            Deployment.objects.create(
                release=release, environment=place.environment, tenant=place.tenant, task=task
            )
    return [task for _, task in started]


def facts(task: ServerTask, known: RunFacts) -> RunFacts:
    """What the scripts of a deployment can know of it."""
    deployment = Deployment.objects.select_related("release").filter(task=task).first()
    if deployment is None:
        return known
    release = deployment.release
    return replace(
        known,
        release=Ref(f"Releases-{release.pk}", release.version),
        release_notes=release.notes,
        deployment=Ref(f"Deployments-{deployment.pk}", task.name),
    )
