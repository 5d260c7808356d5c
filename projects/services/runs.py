"""Plans and starts the tasks of one run, for deployments and for the runbooks above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from accounts.models import User
from domain.plans import RunPlan
from projects.models import Project
from projects.places import Place
from tasks.models import Kind, ServerTask
from tasks.services import tasks
from tasks.services.planning import Planner
from variables.models import OwnerKind
from variables.selectors import process_names


@dataclass(frozen=True)
class Runnable:
    """What runs: a frozen process with its variables, and how the tasks that run it are named.

    `process_ref` is "deployment" or "runbook:<id>" and `process_label` its name; `slot` names what may run
    only once at a time in one place; `subject_path` is a path inside the space.
    """

    project: Project
    kind: Kind
    name: str
    subject_kind: str
    subject_id: int
    subject_path: str
    process: Mapping[str, Any]
    variables: Mapping[str, Any]
    process_ref: str
    process_label: str
    slot: str
    runbook_id: int | None = None

    def slot_key(self, place: Place) -> str:
        return f"{self.slot}:{place.key}"


@dataclass(frozen=True)
class PlacePlan:
    """The plan of one task before there is a task."""

    place: Place
    plan: RunPlan


class RunRefused(tasks.PlanHasErrors):
    """At least one task could not work, so none was started; `plans` are those of all places."""

    def __init__(self, plans: Sequence[PlacePlan]) -> None:
        super().__init__(next(one.plan for one in plans if not one.plan.can_start))
        self.plans = list(plans)


def plan(runnable: Runnable, places: Sequence[Place]) -> list[PlacePlan]:
    """The plan for each place, as the tasks would get it now."""
    planner = Planner(
        space=runnable.project.space,
        process=runnable.process,
        variables=runnable.variables,
        process_ref=runnable.process_ref,
        process_label=runnable.process_label,
        labels=partial(process_names, owner_kind=OwnerKind.PROJECT, owner_id=runnable.project.pk),
    )
    return [
        PlacePlan(place, planner.plan(environment=place.environment, tenant=place.tenant)) for place in places
    ]


def start(
    runnable: Runnable,
    places: Sequence[Place],
    *,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
) -> list[tuple[Place, ServerTask]]:
    """One task per place, all or none, in the caller's transaction. Raises `RunRefused`."""
    plans = plan(runnable, places)
    if not all(one.plan.can_start for one in plans):
        raise RunRefused(plans)
    return [(one.place, _task(runnable, one, user=user, now=now, rerun_of=rerun_of)) for one in plans]


def _task(
    runnable: Runnable, planned: PlacePlan, *, user: User, now: datetime, rerun_of: ServerTask | None
) -> ServerTask:
    return tasks.create(
        space=runnable.project.space,
        kind=runnable.kind,
        name=runnable.name,
        subject_kind=runnable.subject_kind,
        subject_id=runnable.subject_id,
        subject_url=runnable.subject_path,
        project_id=runnable.project.pk,
        project_name=runnable.project.name,
        runbook_id=runnable.runbook_id,
        environment=planned.place.environment,
        tenant=planned.place.tenant,
        plan=planned.plan,
        slot_key=runnable.slot_key(planned.place),
        user=user,
        rerun_of=rerun_of,
        now=now,
    )
