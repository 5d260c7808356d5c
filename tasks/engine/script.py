"""What a worker is given to run: the script with its values put in, unsealed at the last moment."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.conf import settings

from domain import octostache
from domain.octostache import TemplateError
from domain.plans import PlannedStep, RunPlan, step_values
from domain.system_variables import Ref, RunFacts, system_variables
from domain.variables import Candidate, VariableType
from protocol import frames
from tasks import subjects
from tasks.models import Attempt, ServerTask
from variables.services import sealing

#: What an attempt must be loaded with for `start_frame`.
CONTEXT = (
    "machine",
    "execution__task__space",
    "execution__task__environment",
    "execution__task__tenant",
)


class CannotStart(Exception):
    """The step cannot be turned into something to run; the message says why."""


def start_frame(attempt: Attempt) -> frames.Start:
    """The second phase of a start. Raises `CannotStart`."""
    task = attempt.execution.task
    plan = _plan(task.pk, task.queued_at)
    step = next(step for step in plan.steps if step.number == attempt.execution.number)
    chosen = step_values(plan, step)
    try:
        given = {name: _plain(candidate) for name, candidate in chosen.items()}
        facts = system_variables(_facts(task, plan, step, attempt), step)
        values = {**facts, **given}
        expansion = octostache.expand_all(values)
        script = octostache.evaluate(step.script, values)
    except (TemplateError, sealing.CannotUnseal) as error:
        raise CannotStart(str(error)) from error
    if expansion.errors:
        raise CannotStart(str(expansion.errors[0]))
    return frames.Start(
        attempt_id=str(attempt.pk),
        epoch=attempt.epoch,
        syntax=step.syntax.value,
        script=script,
        variables=expansion.values,
        environment={
            "OCTOWORKERS_TASK_ID": str(task.pk),
            "OCTOWORKERS_STEP": step.name,
            "OCTOWORKERS_ENVIRONMENT": plan.labels.environment,
        },
        secrets=[given[name] for name, one in chosen.items() if one.type is VariableType.SENSITIVE],
    )


@lru_cache(maxsize=64)
def _plan(task_id: int, queued_at: datetime) -> RunPlan:
    """The frozen plan of a run. It never changes, so reading it once serves all of its steps; a restored
    database may give a number to another run, though not at the same moment."""
    return RunPlan.from_json(ServerTask.objects.values_list("plan", flat=True).get(pk=task_id))


def _plain(candidate: Candidate) -> str:
    if candidate.type is VariableType.SENSITIVE:
        return sealing.unseal(candidate.value)
    return candidate.value


def _facts(task: ServerTask, plan: RunPlan, step: PlannedStep, attempt: Attempt) -> RunFacts:
    environment, tenant, machine = task.environment, task.tenant, attempt.machine
    facts = RunFacts(
        space=Ref(f"Spaces-{task.space_id}", task.space.name),
        project=Ref(f"Projects-{task.project_id}", task.project_name) if task.project_id else None,
        environment=Ref(f"Environments-{environment.pk}", environment.name),
        tenant=Ref(f"Tenants-{tenant.pk}", tenant.name) if tenant else None,
        tenant_tags=frozenset(str(tag) for tag in tenant.tags.select_related("tag_set"))
        if tenant
        else frozenset(),
        task=Ref(f"ServerTasks-{task.pk}", task.name),
        pool=Ref(f"WorkerPools-{step.pool_id}", step.pool_name),
        machine=Ref(f"Workers-{machine.pk}", machine.name) if machine else None,
        created=task.queued_at.isoformat(),
        created_by=task.created_by_name,
        server_uri=settings.PUBLIC_URL,
    )
    return subjects.add_facts(task, facts)
