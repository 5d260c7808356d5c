"""The only writer of runbook runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from domain.scopes import runbook_process
from domain.system_variables import Ref, RunFacts
from environments.models import Environment
from projects.addresses import path_in_space
from projects.models import Project
from projects.places import Place, places_for, same_place
from projects.services import runs as tasks_of_a_run
from runbooks.models import Runbook, RunbookRun, RunbookSnapshot
from runbooks.services.snapshots import freeze_draft
from tasks.models import Kind, ServerTask
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
        runbook_id=runbook.pk,
    )


def run(
    *,
    runbook: Runbook,
    snapshot: RunbookSnapshot | None,
    environments: Sequence[Environment],
    tenants: Sequence[Tenant] = (),
    user: User,
    now: datetime,
) -> list[ServerTask]:
    """One task per environment and connected tenant; all or none. No snapshot means the draft.

    Raises `projects.places.NoPlace` or `projects.services.runs.RunRefused`.
    """
    places = places_for(runbook.project, environments=environments, tenants=tenants)
    return _start(runbook, snapshot, places, user=user, now=now)


def rerun(task: ServerTask, user: User) -> ServerTask:
    """The same snapshot (or the draft of now) in the same place, planned afresh.

    Raises CannotRerun, or as `run` does.
    """
    rows = RunbookRun.objects.select_related("snapshot", "runbook__project__space")
    found = rows.filter(task=task).first()
    if found is None:
        raise CannotRerun("The runbook that this task ran has been deleted.")
    require(user, Permission.RUN if found.snapshot else Permission.RUN_DRAFT, task)
    place = same_place(found.runbook.project, task)
    return _start(found.runbook, found.snapshot, [place], user=user, now=timezone.now(), rerun_of=task)[0]


def _start(
    runbook: Runbook,
    snapshot: RunbookSnapshot | None,
    places: Sequence[Place],
    *,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
) -> list[ServerTask]:
    with transaction.atomic():
        # Held against a deletion of the runbook meanwhile.
        Project.objects.select_for_update().get(pk=runbook.project_id)
        started = tasks_of_a_run.start(
            runnable(runbook, snapshot), places, user=user, now=now, rerun_of=rerun_of
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
    found = RunbookRun.objects.select_related("runbook", "snapshot").filter(task=task).first()
    if found is None:
        return known
    return replace(
        known,
        runbook=Ref(f"Runbooks-{found.runbook_id}", found.runbook.name),
        runbook_run=Ref(f"RunbookRuns-{found.pk}", task.name),
        snapshot=Ref(f"RunbookSnapshots-{found.snapshot.pk}", str(found.snapshot))
        if found.snapshot
        else None,
    )
