"""The only writer of deployments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from domain.plan_differences import Shown
from domain.plan_packages import chosen_of
from domain.scopes import DEPLOYMENT_PROCESS
from domain.system_variables import Ref, RunFacts
from environments.models import Environment
from projects import run_facts
from projects.addresses import path_in_space
from projects.models import Deployment, Project, Release
from projects.places import Place, places_for, same_place
from projects.services import runs
from projects.services.progress import refuse_out_of_turn
from tasks.models import Kind, ServerTask
from tasks.services.options import Wishes
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
        settings=project,
        source=f"Release {release.version}",
        current=f"Release {release.version}",
        packages=chosen_of(release.packages),
        channel=(str(release.channel_id), release.channel.name),
    )


def deploy(
    *,
    release: Release,
    environments: Sequence[Environment],
    tenants: Sequence[Tenant] = (),
    user: User,
    now: datetime,
    wishes: Wishes = runs.NOTHING_SPECIAL,
    seen: Shown | None = None,
) -> list[ServerTask]:
    """One task per environment and connected tenant; all or none.

    Raises `projects.places.NoPlace` (`OutOfTurn` where the lifecycle says so),
    `projects.services.runs.RunRefused`, `tasks.services.tasks.BadStart`, or where the plan is not the one
    that was `seen`, `projects.services.shown_plans.PlanChanged`.
    """
    places = places_for(release.project, environments=environments, tenants=tenants)
    refuse_out_of_turn(release, places)
    return _start(release, places, user=user, now=now, wishes=wishes, seen=seen)


def rerun(task: ServerTask, user: User, *, wishes: Wishes = runs.NOTHING_SPECIAL) -> ServerTask:
    """The same release in the same place again, planned afresh. Raises CannotRerun, or as `deploy` does."""
    require(user, Permission.RUN, task)
    deployment = (
        Deployment.objects.select_related("release__project__space", "release__channel")
        .filter(task=task)
        .first()
    )
    if deployment is None:
        raise CannotRerun("The project that this task deployed has been deleted.")
    place = same_place(deployment.release.project, task)
    now = timezone.now()
    return _start(deployment.release, [place], user=user, now=now, rerun_of=task, wishes=wishes)[0]


def _start(
    release: Release,
    places: Sequence[Place],
    *,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
    wishes: Wishes,
    seen: Shown | None = None,
) -> list[ServerTask]:
    with transaction.atomic():
        # Held against a deletion of the project meanwhile.
        Project.objects.select_for_update().get(pk=release.project_id)
        started = runs.start(
            runnable(release), places, user=user, now=now, rerun_of=rerun_of, wishes=wishes, seen=seen
        )
        for place, task in started:
            Deployment.objects.create(
                release=release, environment=place.environment, tenant=place.tenant, task=task
            )
    return [task for _, task in started]


def facts(task: ServerTask, known: RunFacts) -> RunFacts:
    """What the scripts of a deployment can know of it."""
    rows = Deployment.objects.select_related(
        "release__project__group", "release__project__space", "release__channel"
    )
    deployment = rows.filter(task=task).first()
    if deployment is None:
        return known
    release = deployment.release
    return replace(
        known,
        release=Ref(f"Releases-{release.pk}", release.version),
        release_notes=release.notes,
        release_created=release.created_at.isoformat(),
        channel=Ref(f"Channels-{release.channel_id}", release.channel.name),
        deployment=Ref(f"Deployments-{deployment.pk}", task.name),
        history=run_facts.history_of(deployment),
        project_group=run_facts.group_of(release.project),
        release_link=run_facts.link(task.space, task.subject_url),
        run_link=run_facts.task_link(task),
    )
