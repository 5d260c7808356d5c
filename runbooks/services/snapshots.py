"""The only writer of snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from accounts.services import events
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects.models import Project
from projects.services.releases import EmptyProcess
from runbooks.models import Runbook, RunbookSnapshot
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets


@dataclass(frozen=True)
class Frozen:
    """Process and variables as a snapshot stores them."""

    process: dict[str, Any]
    variables: dict[str, Any]


def freeze_draft(runbook: Runbook) -> Frozen:
    """What the runbook would be published as now."""
    project = runbook.project
    process = processes.get_or_create(
        owner_kind=ProcessOwner.RUNBOOK, owner_id=runbook.pk, space=project.space
    )
    variable_set = variable_sets.get_or_create(
        owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    return Frozen(processes.freeze(process), variable_sets.freeze(variable_set))


def publish(*, runbook: Runbook, notes: str = "", user: User | None) -> RunbookSnapshot:
    """Freezes the draft as the next snapshot and makes it the published one. Raises `EmptyProcess`."""
    with transaction.atomic():
        # Two publishers take turns, so that each gets a number of its own.
        Project.objects.select_for_update().get(pk=runbook.project_id)
        frozen = freeze_draft(runbook)
        if not frozen.process["steps"]:
            raise EmptyProcess
        highest = RunbookSnapshot.objects.filter(runbook=runbook).aggregate(highest=Max("number"))["highest"]
        snapshot = RunbookSnapshot.objects.create(
            runbook=runbook,
            number=(highest or 0) + 1,
            notes=notes,
            process=frozen.process,
            variables=frozen.variables,
            created_by=user,
        )
        make_published(snapshot, user=user)
    return snapshot


def make_published(snapshot: RunbookSnapshot, *, user: User | None) -> None:
    """Makes this snapshot the one that operators run; also the way back to an older one."""
    runbook = snapshot.runbook
    with transaction.atomic():
        runbook.published = snapshot
        runbook.save(update_fields=["published", "updated_at"])
        events.record(
            user=user,
            category="Published",
            subject=runbook,
            message=f"Published snapshot {snapshot.number} of {runbook.name}.",
            space=runbook.project.space,
            details={"snapshot": snapshot.number},
        )
