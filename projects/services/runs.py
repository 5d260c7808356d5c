"""Plans and starts the tasks of one run, for deployments and for the runbooks above."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from accounts.models import User
from domain.answers import Answers, Question, questions
from domain.answers import earlier as earlier_answers
from domain.plan_differences import Shown, describe
from domain.plan_packages import ChosenPackage
from domain.plans import RunPlan
from projects.models import Project
from projects.places import Place
from projects.services import project_variables, shown_plans
from tasks.models import Kind, RunSettings, ServerTask
from tasks.services import resuming, tasks
from tasks.services.options import Resume, Wishes, options_for
from tasks.services.planning import Planner, TenantValuesOf, context
from variables.models import OwnerKind
from variables.selectors import process_names
from variables.services import variable_sets

#: A run that nobody wished anything for: as its process says.
NOTHING_SPECIAL = Wishes()


@dataclass(frozen=True)
class Runnable:
    """What runs: a frozen process with its variables, and how the tasks that run it are named.

    `process_ref` is "deployment" or "runbook:<id>" and `process_label` its name; `slot` names what may run
    only once at a time in one place; `subject_path` is a path inside the space. `source` is what is run
    ("Snapshot 3"), `current` what would be run if nobody chose. `settings` are those that its runs follow.
    `packages` are the versions that it was made with, None for a draft. `channel` is the id and the name of
    the one that a release is in.
    """

    project: Project
    settings: RunSettings
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
    source: str
    current: str
    runbook_id: int | None = None
    packages: Sequence[ChosenPackage] | None = None
    channel: tuple[str, str] | None = None

    def concurrency_key(self, place: Place) -> str:
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


def plan(
    runnable: Runnable,
    places: Sequence[Place],
    *,
    left_out: Collection[str] = (),
    answers: Mapping[str, str] | None = None,
    earlier: Answers | None = None,
    user: User | None = None,
) -> list[PlacePlan]:
    """The plan for each place, as the tasks would get it now; `left_out` and `answers` as `Wishes` has them,
    `earlier` answers are those of a run that is repeated. `user` would start them."""
    planner = Planner(
        space=runnable.project.space,
        process=runnable.process,
        variables=runnable.variables,
        process_ref=runnable.process_ref,
        process_label=runnable.process_label,
        labels=partial(process_names, owner_kind=OwnerKind.PROJECT, owner_id=runnable.project.pk),
        answers=answers,
        earlier=earlier,
        refuse_pasted=runnable.project.refuses_pasted,
        packages=runnable.packages,
        tenant_values=_tenant_values(runnable.project, places),
        channel=runnable.channel,
        user=user,
        project_id=runnable.project.pk,
    )
    return [
        PlacePlan(place, planner.plan(environment=place.environment, tenant=place.tenant, left_out=left_out))
        for place in places
    ]


def _tenant_values(project: Project, places: Sequence[Place]) -> TenantValuesOf | None:
    tenants = [place.tenant for place in places if place.tenant is not None]
    return project_variables.of_tenants(project, tenants) if tenants else None


def asked(runnable: Runnable, places: Sequence[Place]) -> list[Question]:
    """What whoever starts runs in these places is asked."""
    contexts = [
        context(
            environment=one.environment,
            tenant=one.tenant,
            process_ref=runnable.process_ref,
            channel=runnable.channel[0] if runnable.channel else None,
        )
        for one in places
    ]
    return questions(variable_sets.candidates(runnable.variables), contexts)


def shown(runnable: Runnable, plans: Sequence[PlacePlan]) -> Shown:
    """What a person sees of these plans, to be compared with those of the start."""
    return Shown(
        source=runnable.source,
        current=runnable.current,
        plans=tuple(
            describe(one.place.key, one.place.label, one.plan, fingerprint=shown_plans.fingerprint)
            for one in plans
        ),
    )


def start(
    runnable: Runnable,
    places: Sequence[Place],
    *,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
    wishes: Wishes = NOTHING_SPECIAL,
    seen: Shown | None = None,
) -> list[tuple[Place, ServerTask]]:
    """One task per place, all or none, in the caller's transaction.

    Raises `projects.services.shown_plans.PlanChanged`, where the plan is not the one that was `seen`,
    `RunRefused`, `tasks.services.tasks.BadStart`, or `tasks.services.resuming.CannotResume`.
    """
    plans = (
        _resumed(wishes.resume, places)
        if wishes.resume
        else _planned(runnable, places, rerun_of, wishes, user)
    )
    if seen is not None:
        shown_plans.check(seen, shown(runnable, plans))
    if not all(one.plan.can_start for one in plans):
        raise RunRefused(plans)
    request = _Request(runnable, user, now, rerun_of, wishes)
    started: list[tuple[Place, ServerTask]] = []
    for one in plans:
        started.append((one.place, _task(request, one, alongside=[task.pk for _, task in started])))
    return started


def _planned(
    runnable: Runnable, places: Sequence[Place], rerun_of: ServerTask | None, wishes: Wishes, user: User
) -> list[PlacePlan]:
    left_out = wishes.left_out or _left_out(rerun_of)
    repeated = earlier_answers(rerun_of.plan) if rerun_of else wishes.earlier
    return plan(runnable, places, left_out=left_out, answers=wishes.answers, earlier=repeated, user=user)


def _left_out(rerun_of: ServerTask | None) -> frozenset[str]:
    """What is run once more is run without what was left out the first time."""
    return RunPlan.left_out_of(rerun_of.plan) if rerun_of else frozenset()


def _resumed(resume: Resume, places: Sequence[Place]) -> list[PlacePlan]:
    """The frozen plan of the run that is gone on with, in the one place where it ran."""
    return [PlacePlan(place, resuming.plan_of(resume)) for place in places]


@dataclass(frozen=True)
class _Request:
    """What the tasks of one start share."""

    runnable: Runnable
    user: User
    now: datetime
    rerun_of: ServerTask | None
    wishes: Wishes


def _task(request: _Request, planned: PlacePlan, *, alongside: Sequence[int]) -> ServerTask:
    runnable, place = request.runnable, planned.place
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
        environment=place.environment,
        tenant=place.tenant,
        plan=planned.plan,
        concurrency_key=runnable.concurrency_key(place),
        user=request.user,
        rerun_of=request.rerun_of,
        options=options_for(runnable.settings, environment=place.environment, wishes=request.wishes),
        alongside=alongside,
        now=request.now,
    )
