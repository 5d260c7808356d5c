"""The only writer of snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from accounts.services import events
from domain.processes import ProcessDef
from packages.models import OwnerKind as PackageOwner
from packages.services import choosing
from packages.services.choosing import Wanted
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects.models import Project
from projects.services import project_variables
from projects.services.releases import EmptyProcess
from runbooks.models import Runbook, RunbookSnapshot


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
    return Frozen(processes.freeze(process), project_variables.freeze(project))


class SnapshotNameTaken(Exception):
    """The runbook has a snapshot of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"This runbook has a snapshot {name} already. Choose another name.")


def publish(
    *, runbook: Runbook, notes: str = "", packages: Wanted | None = None, user: User | None
) -> RunbookSnapshot:
    """Freezes the draft as the next snapshot and makes it the published one. Raises as `take` does."""
    with transaction.atomic():
        snapshot = take(runbook=runbook, notes=notes, packages=packages, user=user)
        make_published(snapshot, user=user)
    return snapshot


def take(
    *,
    runbook: Runbook,
    name: str = "",
    notes: str = "",
    packages: Wanted | None = None,
    user: User | None,
) -> RunbookSnapshot:
    """Freezes the draft as the next snapshot, with the versions of packages that are wanted, else the newest.

    Raises `EmptyProcess`, `SnapshotNameTaken` or `packages.services.choosing.NoSuchPackage`.
    """
    with transaction.atomic():
        # Two publishers take turns, so that each gets a number of its own.
        Project.objects.select_for_update().get(pk=runbook.project_id)
        frozen = freeze_draft(runbook)
        if not frozen.process["steps"]:
            raise EmptyProcess
        if name and RunbookSnapshot.objects.filter(runbook=runbook, name__iexact=name).exists():
            raise SnapshotNameTaken(name)
        space = runbook.project.space
        chosen = choosing.choose(space, ProcessDef.from_json(frozen.process), packages)
        highest = RunbookSnapshot.objects.filter(runbook=runbook).aggregate(highest=Max("number"))["highest"]
        snapshot = RunbookSnapshot.objects.create(
            runbook=runbook,
            number=(highest or 0) + 1,
            name=name,
            notes=notes,
            process=frozen.process,
            variables=frozen.variables,
            packages=choosing.to_json(chosen),
            created_by=user,
        )
        choosing.hold(space, chosen, kind=PackageOwner.SNAPSHOT, owner_id=snapshot.pk)
        message = f"Took {snapshot} of {runbook.name}."
        events.record(user=user, category="Created", subject=snapshot, message=message, space=space)
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
