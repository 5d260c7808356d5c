"""What a worker is given to run: the script with its values put in, unsealed at the last moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from domain import arrangement, containers, octostache, step_types
from domain.arrangement import Unit
from domain.octostache import TemplateError
from domain.plans import PlannedStep, RunPlan, step_values
from domain.processes import MANUAL_INSTRUCTIONS
from domain.runs import Place
from domain.step_templates import parameter_values
from domain.step_types import Program, Script, Work
from domain.step_types.base import Fill
from domain.system_variables import Ref, RunFacts, system_variables
from domain.targets import PlannedTarget
from domain.variables import Candidate, VariableType, name_key
from protocol import PROGRAM_SYNTAX, frames
from tasks import subjects
from tasks.engine import programs, step_packages
from tasks.engine.held import HeldAttempt
from tasks.models import Execution, ServerTask
from tasks.performers import Order
from tasks.services import outputs
from tasks.services.outputs import Output
from variables.services import sealing
from workers.models import Machine
from workers.selectors import capabilities


class CannotStart(Exception):
    """The step cannot be turned into something to run; the message says why."""


def start_frame(attempt: HeldAttempt) -> frames.Start:
    """The second phase of a start. Raises `CannotStart`."""
    run = _frozen(attempt.task_id, attempt.queued_at)
    plan, unit = run.plan, run.unit(attempt.number)
    step = unit.step
    chosen = step_values(plan, step, unit.target)
    try:
        given = {name: _plain(candidate) for name, candidate in chosen.items()}
        place = Place.from_json(attempt.number, attempt.place)
        before = outputs.before(attempt.task_id, attempt.number, place)
        system = system_variables(_facts(run, unit, attempt), step)
        values = _with_parameters(step, {**system, **before.values, **given})
        expansion = octostache.expand_all(values)
        work = _work(step, lambda text: octostache.evaluate(text, values))
        container = containers.filled(step.properties, lambda text: octostache.evaluate(text, values))
        if step.packages:
            work = step_packages.with_packages(work, step, attempt_id=attempt.id, space_id=attempt.space_id)
    except (TemplateError, sealing.CannotUnseal, step_packages.Gone) as error:
        raise CannotStart(str(error)) from error
    if expansion.errors:
        raise CannotStart(str(expansion.errors[0]))
    return frames.Start(
        attempt_id=str(attempt.id),
        epoch=attempt.epoch,
        syntax=work.syntax if isinstance(work, Script) else PROGRAM_SYNTAX,
        script=work.script if isinstance(work, Script) else "",
        variables=expansion.values,
        environment={
            "OCTOWORKERS_TASK_ID": str(attempt.task_id),
            "OCTOWORKERS_STEP": step.name,
            "OCTOWORKERS_ENVIRONMENT": plan.labels.environment,
        },
        secrets=_secrets(chosen, given, expansion.values, before.outputs),
        program=programs.packed(work.name) if isinstance(work, Program) else "",
        inputs=dict(work.inputs) if isinstance(work, Program) else {},
        container=container,
    )


def order(task: ServerTask, number: int, attempt_id: UUID) -> Order:
    """A step that the server itself does, with its values. Raises `CannotStart`."""
    run = _frozen(task.pk, task.queued_at)
    step = run.unit(number).step
    chosen = step_values(run.plan, step)
    try:
        given = {name: _plain(candidate) for name, candidate in chosen.items()}
        row = Execution.objects.only("place").get(task=task, number=number)
        before = outputs.before(task.pk, number, Place.from_json(number, row.place))
        values = _with_parameters(step, {**system_variables(run.facts, step), **before.values, **given})
        expansion = octostache.expand_all(values)
    except (TemplateError, sealing.CannotUnseal) as error:
        raise CannotStart(str(error)) from error
    if expansion.errors:
        raise CannotStart(str(expansion.errors[0]))

    def fill(text: str) -> str:
        try:
            return octostache.evaluate(text, values)
        except TemplateError as error:
            raise CannotStart(str(error)) from error

    secrets = _secrets(chosen, given, expansion.values, before.outputs)
    return Order(task=task, step=step, attempt_id=attempt_id, fill=fill, secrets=secrets)


def _with_parameters(step: PlannedStep, values: Mapping[str, str]) -> dict[str, str]:
    """The values of a step template's parameters go before variables of the same names."""
    own = parameter_values(step.properties)
    keys = {name_key(name) for name in own}
    return (
        {**{name: value for name, value in values.items() if name_key(name) not in keys}, **own}
        if own
        else dict(values)
    )


def _work(step: PlannedStep, fill: Fill) -> Work:
    """Raises `CannotStart`, and what `fill` raises."""
    step_type = step_types.find(step.action_type)
    if step_type is None or step_type.work is None:
        raise CannotStart(f"This server cannot run steps of the type {step.action_type} on a worker.")
    return step_type.work(step.properties, fill)


def _secrets(
    chosen: Mapping[str, Candidate],
    given: Mapping[str, str],
    expanded: Mapping[str, str],
    set_before: Iterable[Output],
) -> list[str]:
    """What the worker masks: secrets as they were set, and with the values that they refer to put in."""
    names = [name for name, one in chosen.items() if one.type is VariableType.SENSITIVE]
    own = {text for name in names for text in (given[name], expanded[name]) if text}
    return sorted(own | {output.value for output in set_before if output.is_sensitive and output.value})


def condition(
    task_id: int, number: int, place: Place, progress: Mapping[str, str], *, of_parent: bool = False
) -> tuple[str, dict[str, str]]:
    """The expression of a step whose turn it is, or of the one that it is a child of, and all values that it
    may refer to; `progress` says how the run stands. Raises `sealing.CannotUnseal`."""
    run = _run(task_id)
    unit = run.unit(number)
    chosen = step_values(run.plan, unit.step, unit.target)
    given = {name: _plain(candidate) for name, candidate in chosen.items()}
    before = outputs.before(task_id, number, place)
    system = system_variables(_for_target(run.facts, unit.target), unit.step)
    expression = unit.step.gate_expression if of_parent else unit.step.expression
    return expression, {**system, **before.values, **progress, **given}


def instructions(task_id: int, number: int, place: Place) -> str:
    """What a manual intervention asks people to do, with the values put in; what cannot be evaluated
    stays as it was written."""
    run = _run(task_id)
    step = run.unit(number).step
    text = step.properties.get(MANUAL_INSTRUCTIONS, "")
    plain = {
        name: one.value
        for name, one in step_values(run.plan, step).items()
        if one.type is not VariableType.SENSITIVE
    }
    try:
        known = outputs.before(task_id, number, place).public
        return octostache.evaluate(text, {**system_variables(run.facts, step), **known, **plain})
    except (TemplateError, sealing.CannotUnseal):
        return text


def _run(task_id: int) -> _Frozen:
    task = ServerTask.objects.only("queued_at").get(pk=task_id)
    return _frozen(task_id, task.queued_at)


@dataclass(frozen=True)
class _Frozen:
    """What all steps of a run share."""

    plan: RunPlan
    facts: RunFacts
    units: tuple[Unit, ...]

    def unit(self, number: int) -> Unit:
        return self.units[number - 1]


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
        environment_order=environment.sort_order,
        tenant=Ref(f"Tenants-{tenant.pk}", tenant.name) if tenant else None,
        tenant_tags=plan.context.tenant_tags,
        task=Ref(f"ServerTasks-{task.pk}", task.name),
        trigger=task.trigger_name,
        created=queued_at.isoformat(),
        queue_expires=task.queue_expires_at.isoformat() if task.queue_expires_at else "",
        created_by=task.created_by_name,
        in_role=_in_role(plan),
        server_uri=settings.PUBLIC_URL,
    )
    units = arrangement.units(plan.steps, abreast=plan.abreast)
    return _Frozen(plan, subjects.add_facts(task, facts), units)


def _in_role(plan: RunPlan) -> dict[str, tuple[str, ...]]:
    """The names of the targets of all steps by the tags that they have."""
    found: dict[str, dict[str, None]] = {}
    for target in (target for step in plan.steps for target in step.targets):
        for tag in target.tags:
            found.setdefault(tag, {})[target.name] = None
    return {tag: tuple(sorted(names)) for tag, names in found.items()}


def _facts(run: _Frozen, unit: Unit, attempt: HeldAttempt) -> RunFacts:
    id, name, step = attempt.machine_id, attempt.machine_name, unit.step
    facts = replace(
        run.facts,
        pool=Ref(f"WorkerPools-{step.pool_id}", step.pool_name) if step.pool_id else None,
        machine=Ref(f"Workers-{id}", name) if id else None,
    )
    return _for_target(facts, unit.target)


def _for_target(facts: RunFacts, target: PlannedTarget | None) -> RunFacts:
    """The machine that scripts speak of is the target, wherever they run."""
    if target is None:
        return facts
    machine = Machine.objects.only("capabilities").filter(pk=target.id).first()
    return replace(
        facts,
        machine=Ref(f"Machines-{target.id}", target.name),
        roles=target.tags,
        hostname=capabilities.read(machine.capabilities).hostname if machine else "",
    )


def _plain(candidate: Candidate) -> str:
    if candidate.type is not VariableType.SENSITIVE or not candidate.value:
        return candidate.value
    try:
        return sealing.unseal(candidate.value)
    except sealing.CannotUnseal as error:
        raise sealing.CannotUnseal(f"{candidate.name} cannot be read. {error}") from error
