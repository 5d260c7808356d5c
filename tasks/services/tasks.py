"""Creates tasks and takes people's wishes about them; what follows is the engine's."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import live
from domain import runs
from domain.plans import RunPlan
from environments.models import Environment
from spaces.models import Space
from tasks.engine import advance
from tasks.engine.drivers.base import Job, request
from tasks.models import Execution, Kind, ServerTask, StepState
from tenants.models import Tenant


class PlanHasErrors(Exception):
    """A run that cannot work is not started; `plan.problems` say why."""

    def __init__(self, plan: RunPlan) -> None:
        super().__init__("; ".join(problem.message for problem in plan.problems))
        self.plan = plan


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
    slot_key: str,
    user: User,
    now: datetime,
    rerun_of: ServerTask | None = None,
) -> ServerTask:
    """Queues a run with its plan frozen. Raises `PlanHasErrors`."""
    if not plan.can_start:
        raise PlanHasErrors(plan)
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
        slot_key=slot_key,
        queued_at=now,
        created_by=user,
        created_by_name=str(user),
        rerun_of=rerun_of,
    )
    _create_executions(task, plan)
    _record(task, user, "Queued", f"Started {_described(task)}.")
    live.nudge(space.pk, "tasks")
    request(Job.ADMIT)
    return task


def cancel(task: ServerTask, *, user: User, now: datetime) -> None:
    """Asks a task to end. One that has ended stays as it is."""
    with transaction.atomic():
        advance.advance(task.pk, runs.CancelRequested(by=str(user)), now=now)
        _record(task, user, "Canceled", f"Asked to cancel {_described(task)}.")


def _create_executions(task: ServerTask, plan: RunPlan) -> None:
    Execution.objects.bulk_create(
        Execution(
            task=task,
            number=step.number,
            name=step.name,
            state=StepState.SKIPPED if step.skipped else StepState.PENDING,
            pool_id=int(step.pool_id) if step.pool_id else None,
            pool_name=step.pool_name,
            needs=list(step.needs),
            message=step.skipped or "",
        )
        for step in plan.steps
    )


def _described(task: ServerTask) -> str:
    tenant = f" for {task.tenant}" if task.tenant else ""
    return f"{task.name} in {task.environment}{tenant}"


def _record(task: ServerTask, user: User, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=task, space=task.space, message=message)
