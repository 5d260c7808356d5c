"""Creates tasks and takes people's wishes about them; what follows is the engine's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from accounts.services import events
from common import live
from domain import arrangement, runs
from domain.arrangement import Unit
from domain.plans import PlannedStep, RunPlan
from domain.system_variables import Ref
from environments.models import Environment
from protocol.log import Level
from spaces.models import Space
from tasks.engine import advance
from tasks.engine.drivers.base import Job, request
from tasks.models import Execution, Kind, ServerTask, StepState, TaskState
from tasks.services import locks, resuming, turns
from tasks.services.options import Overlap, RunOptions
from tenants.models import Tenant

#: How far ahead a run may be scheduled.
MOST_AHEAD = timedelta(days=30)
#: A start that is just over means now: a form takes a moment to be sent.
JUST_OVER = timedelta(minutes=1)


class PlanHasErrors(Exception):
    """A run that cannot work is not started; `plan.problems` say why."""

    def __init__(self, plan: RunPlan) -> None:
        super().__init__("; ".join(problem.message for problem in plan.problems))
        self.plan = plan


class BadStart(ValueError):
    """A run cannot be scheduled for then; the message says why."""


class NotQueued(Exception):
    """The task has left the queue, so there is no place in it to change."""

    def __init__(self, task: ServerTask) -> None:
        super().__init__(f"Task {task.pk} does not wait any more.")


@transaction.atomic
def create(
    *,
    space: Space,
    kind: Kind,
    name: str,
    subject_kind: str,
    subject_id: int,
    subject_url: str,
    project_id: int | None,
    project_name: str,
    runbook_id: int | None,
    environment: Environment,
    tenant: Tenant | None,
    plan: RunPlan,
    concurrency_key: str,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    alongside: Collection[int] = (),
) -> ServerTask:
    """Queues a run with its plan frozen; what its process says of runs that overlap happens here.
    `alongside` are tasks of the same request: they neither stop it nor are they replaced.

    Raises `PlanHasErrors` or `BadStart`.
    """
    if not plan.can_start:
        raise PlanHasErrors(plan)
    values = turns.values_of(
        plan,
        space=space,
        project=Ref(f"Projects-{project_id}", project_name) if project_id else None,
        runbook_id=runbook_id,
        environment=environment,
        tenant=tenant,
        created_by=str(user),
    )
    key = turns.key_of(plan, values, space=space, default=concurrency_key)
    wanted = turns.locks_of(options.locks, values)
    skipped = turns.reason_to_skip(options, kind, turns.before(key, now=now, without=alongside))
    task = ServerTask.objects.create(
        space=space,
        kind=kind,
        name=name,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_url=subject_url,
        project_id=project_id,
        project_name=project_name,
        runbook_id=runbook_id,
        environment=environment,
        tenant=tenant,
        plan=plan.to_json(),
        concurrency_key=key,
        concurrency_limit=options.max_concurrent,
        locks=wanted,
        lock_key=turns.lock_key_of(space, wanted),
        queued_at=now,
        created_by=user,
        created_by_name=str(user),
        rerun_of=rerun_of,
        time_limit_minutes=options.time_limit_minutes,
        guided_failure=options.guided_failure,
        trigger_name=options.trigger_name,
        **(_skipped(skipped, now) if skipped else _queued(options, now)),
    )
    locks.ensure(space, [lock["name"] for lock in wanted])
    _create_executions(task, plan, ended_at=task.completed_at)
    if options.resume and not skipped:
        resuming.take_over(task, options.resume, now=now)
    if skipped:
        _record(task, user, "Skipped", f"Did not start {_described(task)}. {skipped}")
    else:
        _record(task, user, "Queued", f"Started {_described(task)}.")
        if options.overlap == Overlap.REPLACE and task.start_at is None:
            _replace(task, user=user, now=now, alongside=alongside)
    live.nudge(space.pk, "tasks")
    request(Job.ADMIT)
    return task


def _skipped(reason: str, now: datetime) -> dict[str, Any]:
    return {"state": TaskState.CANCELED, "completed_at": now, "error_message": reason}


def _queued(options: RunOptions, now: datetime) -> dict[str, Any]:
    start_at = start_of(options.start_at, now=now)
    expires = (start_at or now) + options.queue_timeout if options.queue_timeout else None
    return {
        "start_at": start_at,
        "queue_rank": 1 if options.is_prioritised else 0,
        "queue_expires_at": expires,
        "wake_at": expires,
    }


def start_of(wanted: datetime | None, *, now: datetime) -> datetime | None:
    """When a run is to start, None for now. Raises `BadStart`."""
    if wanted is None or now - JUST_OVER < wanted <= now:
        return None
    if wanted <= now:
        raise BadStart("The start is in the past. Choose a later time.")
    if wanted > now + MOST_AHEAD:
        raise BadStart(f"A run can be scheduled for the next {MOST_AHEAD.days} days. Choose an earlier time.")
    return wanted


def _replace(task: ServerTask, *, user: User, now: datetime, alongside: Collection[int]) -> None:
    for other in turns.before(task.concurrency_key, now=now, without=[task.pk, *alongside]):
        advance.note(other.pk, f"Replaced by task {task.pk}.", level=Level.WARNING, now=now)
        cancel(other, user=user, now=now)


def cancel(task: ServerTask, *, user: User, now: datetime) -> None:
    """Asks a task to end. One that has ended stays as it is."""
    with transaction.atomic():
        advance.advance(task.pk, runs.CancelRequested(by=str(user)), now=now)
        _record(task, user, "Canceled", f"Asked to cancel {_described(task)}.")


def move_to_top(task: ServerTask, *, user: User, now: datetime) -> None:
    """It goes before all others from now on, as far as nothing else holds it back. Raises `NotQueued`."""
    with transaction.atomic():
        queue = ServerTask.objects.filter(state=TaskState.QUEUED)
        top = queue.aggregate(top=Max("queue_rank"))["top"] or 0
        # Above 1, which is that of runs that were started with priority.
        if queue.filter(pk=task.pk).update(queue_rank=max(top, 1) + 1) != 1:
            raise NotQueued(task)
        advance.note(task.pk, f"{user} moved it to the top of the queue.", now=now)
        _record(task, user, "Modified", f"Moved {_described(task)} to the top of the queue.")
        live.nudge(task.space_id, "tasks", f"task-{task.pk}")
        request(Job.ADMIT)


def _create_executions(task: ServerTask, plan: RunPlan, *, ended_at: datetime | None) -> None:
    """With `ended_at` for a run that never begins."""
    # With children, the places of units say little; without, they are what everything is known by.
    is_nested = any(step.child for step in plan.steps)
    Execution.objects.bulk_create(
        _execution(task, unit, ended_at, label=unit.step.label if is_nested else "")
        for unit in arrangement.units(plan.steps, abreast=plan.abreast)
    )


def _execution(task: ServerTask, unit: Unit, ended_at: datetime | None, *, label: str) -> Execution:
    step, target = unit.step, unit.target
    return Execution(
        task=task,
        number=unit.number,
        step_number=step.number,
        step_label=label,
        parent_name=step.parent,
        target_id=int(target.id) if target else None,
        target_name=target.name if target else "",
        name=step.name,
        state=_first_state(step, ended_at),
        pool_id=int(step.pool_id) if step.pool_id else None,
        pool_name=step.pool_name,
        needs=list(step.needs),
        rules=step.rules.to_json(),
        place=unit.place.to_json(unit.number),
        message=step.skipped or "",
        completed_at=ended_at,
    )


def _first_state(step: PlannedStep, ended_at: datetime | None) -> StepState:
    if step.skipped:
        return StepState.SKIPPED
    return StepState.CANCELED if ended_at else StepState.PENDING


def _described(task: ServerTask) -> str:
    tenant = f" for {task.tenant}" if task.tenant else ""
    return f"{task.name} in {task.environment}{tenant}"


def _record(task: ServerTask, user: User, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=task, space=task.space, message=message)
