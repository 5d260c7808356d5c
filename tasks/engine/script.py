"""What a worker is given to run: the script with its values put in, unsealed at the last moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


class CannotStart(Exception):
    """The step cannot be turned into something to run; the message says why."""


def start_frame(attempt: Attempt) -> frames.Start:
    """The second phase of a start. Raises `CannotStart`."""
    execution = attempt.execution
    run = _frozen(execution.task_id, execution.task.queued_at)
    plan = run.plan
    step = next(step for step in plan.steps if step.number == execution.number)
    chosen = step_values(plan, step)
    try:
        given = {name: _plain(candidate) for name, candidate in chosen.items()}
        values = {**system_variables(_facts(run, step, attempt), step), **given}
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
            "OCTOWORKERS_TASK_ID": str(execution.task_id),
            "OCTOWORKERS_STEP": step.name,
            "OCTOWORKERS_ENVIRONMENT": plan.labels.environment,
        },
        secrets=_secrets(chosen, given, expansion.values),
    )


def _secrets(
    chosen: Mapping[str, Candidate], given: Mapping[str, str], expanded: Mapping[str, str]
) -> list[str]:
    """What the worker masks: secrets as they were set, and with the values that they refer to put in."""
    names = [name for name, one in chosen.items() if one.type is VariableType.SENSITIVE]
    return sorted({text for name in names for text in (given[name], expanded[name]) if text})


@dataclass(frozen=True)
class _Frozen:
    """What all steps of a run share."""

    plan: RunPlan
    facts: RunFacts


@lru_cache(maxsize=64)
def _frozen(task_id: int, queued_at: datetime) -> _Frozen:
    """Reading it once serves all steps of a run: it never changes. A restored database may give a number
    to another run, though not at the same moment."""
    task = ServerTask.objects.select_related("space", "environment", "tenant").get(pk=task_id)
    plan = RunPlan.from_json(task.plan)
    environment, tenant = task.environment, task.tenant
    facts = RunFacts(
        space=Ref(f"Spaces-{task.space_id}", task.space.name),
        project=Ref(f"Projects-{task.project_id}", task.project_name) if task.project_id else None,
        environment=Ref(f"Environments-{environment.pk}", environment.name),
        tenant=Ref(f"Tenants-{tenant.pk}", tenant.name) if tenant else None,
        tenant_tags=plan.context.tenant_tags,
        task=Ref(f"ServerTasks-{task.pk}", task.name),
        created=queued_at.isoformat(),
        created_by=task.created_by_name,
        server_uri=settings.PUBLIC_URL,
    )
    return _Frozen(plan, subjects.add_facts(task, facts))


def _facts(run: _Frozen, step: PlannedStep, attempt: Attempt) -> RunFacts:
    machine = attempt.machine
    return replace(
        run.facts,
        pool=Ref(f"WorkerPools-{step.pool_id}", step.pool_name),
        machine=Ref(f"Workers-{machine.pk}", machine.name) if machine else None,
    )


def _plain(candidate: Candidate) -> str:
    if candidate.type is VariableType.SENSITIVE:
        return sealing.unseal(candidate.value)
    return candidate.value
