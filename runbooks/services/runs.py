"""The only writer of runbook runs."""

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
from domain.scopes import runbook_process
from domain.system_variables import Ref, RunFacts
from environments.models import Environment
from projects import run_facts
from projects.addresses import path_in_space
from projects.models import Project
from projects.places import Place, places_for, same_place
from projects.services import runs as tasks_of_a_run
from runbooks.models import Runbook, RunbookRun, RunbookSnapshot
from runbooks.services.snapshots import freeze_draft
from tasks.models import Kind, ServerTask
from tasks.services.options import Wishes
from tasks.subjects import CannotRerun
from tenants.models import Tenant

SUBJECT = "runbook-run"


def runnable(runbook: Runbook, snapshot: RunbookSnapshot | None) -> tasks_of_a_run.Runnable:
    """The snapshot, or for None the draft as it is now, as something to plan and to start."""
    project = runbook.project
    frozen = snapshot or freeze_draft(runbook)
    return tasks_of_a_run.Runnable(
        project=project,
        kind=Kind.RUNBOOK_RUN,
        name=runbook.name,
        subject_kind=SUBJECT,
        subject_id=runbook.pk,
        subject_path=path_in_space("runbook_detail", project.slug, runbook.slug),
        process=frozen.process,
        variables=frozen.variables,
        process_ref=runbook_process(runbook.pk),
        process_label=runbook.name,
        slot=f"runbook:{runbook.pk}",
        settings=runbook,
        source=str(snapshot) if snapshot else "The draft",
        current=str(runbook.published) if runbook.published else "",
        runbook_id=runbook.pk,
        packages=chosen_of(snapshot.packages) if snapshot else None,
    )


def run(
    *,
    runbook: Runbook,
    snapshot: RunbookSnapshot | None,
    environments: Sequence[Environment],
    tenants: Sequence[Tenant] = (),
    user: User,
    now: datetime,
    wishes: Wishes = tasks_of_a_run.NOTHING_SPECIAL,
    seen: Shown | None = None,
) -> list[ServerTask]:
    """One task per environment and connected tenant; all or none. No snapshot means the draft.

    Raises `projects.places.NoPlace`, `projects.services.runs.RunRefused`, `tasks.services.tasks.BadStart`,
    or where the plan is not the one that was `seen`, `projects.services.shown_plans.PlanChanged`.
    """
    places = places_for(runbook.project, environments=environments, tenants=tenants)
    return _start(runbook, snapshot, places, user=user, now=now, wishes=wishes, seen=seen)


def rerun(task: ServerTask, user: User, *, wishes: Wishes = tasks_of_a_run.NOTHING_SPECIAL) -> ServerTask:
    """The same snapshot (or the draft of now) in the same place, planned afresh.

    Raises CannotRerun, or as `run` does.
    """
    rows = RunbookRun.objects.select_related("snapshot", "runbook__project__space")
    found = rows.filter(task=task).first()
    if found is None:
        raise CannotRerun("The runbook that this task ran has been deleted.")
    require(user, Permission.RUN if found.snapshot else Permission.RUN_DRAFT, task)
    place = same_place(found.runbook.project, task)
    now = timezone.now()
    return _start(found.runbook, found.snapshot, [place], user=user, now=now, rerun_of=task, wishes=wishes)[0]


def _start(
    runbook: Runbook,
    snapshot: RunbookSnapshot | None,
    places: Sequence[Place],
    *,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
    wishes: Wishes,
    seen: Shown | None = None,
) -> list[ServerTask]:
    with transaction.atomic():
        # Held against a deletion of the runbook meanwhile.
        Project.objects.select_for_update().get(pk=runbook.project_id)
        runbook.refresh_from_db(fields=["published"])
        started = tasks_of_a_run.start(
            runnable(runbook, snapshot),
            places,
            user=user,
            now=now,
            rerun_of=rerun_of,
            wishes=wishes,
            seen=seen,
        )
        for place, task in started:
            RunbookRun.objects.create(
                runbook=runbook,
                snapshot=snapshot,
                environment=place.environment,
                tenant=place.tenant,
                task=task,
            )
    return [task for _, task in started]


def facts(task: ServerTask, known: RunFacts) -> RunFacts:
    """What the scripts of a runbook run can know of it."""
    rows = RunbookRun.objects.select_related("runbook__project__group", "runbook__project__space", "snapshot")
    found = rows.filter(task=task).first()
    if found is None:
        return known
    return replace(
        known,
        runbook=Ref(f"Runbooks-{found.runbook_id}", found.runbook.name),
        runbook_run=Ref(f"RunbookRuns-{found.pk}", task.name),
        project_group=run_facts.group_of(found.runbook.project),
        run_link=run_facts.task_link(task),
        snapshot=Ref(f"RunbookSnapshots-{found.snapshot.pk}", str(found.snapshot))
        if found.snapshot
        else None,
    )
