"""Plan a run: the one function behind the preview, the run and the API."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from domain import containers, step_types
from domain.answers import Answers, answer_problems
from domain.conditions import reason_to_skip
from domain.labels import Names, label
from domain.pasting import pasted_problems
from domain.plan_checks import (
    StepValues,
    ToolsOf,
    capacity_problems,
    condition_problems,
    parallelism,
    required_problems,
    rule_problems,
    text_problems,
    tie_problems,
    tool_problems,
    type_problems,
    value_problems,
)
from domain.plan_packages import PackageChoices, planned_packages
from domain.plan_values import credential_problems
from domain.plans import (
    FixHint,
    FixKind,
    PlanLabels,
    PlannedPackage,
    PlannedStep,
    PoolCapacity,
    PoolInfo,
    PoolReason,
    Problem,
    ProblemCode,
    ReasonKind,
    ReasonRow,
    RunPlan,
    Severity,
    step_context,
    step_values,
)
from domain.pool_choice import PoolChoice, Pools, choose_pool
from domain.processes import ActionDef, Location, ProcessDef, StepDef
from domain.scopes import Context, Kind, matches
from domain.step_rules import Condition
from domain.step_types.base import PROGRAMS
from domain.target_checks import no_target_problems, target_problems
from domain.targets import TargetInfo, choose_targets
from domain.tenant_values import Template, missing_problems
from domain.variables import Candidate

__all__ = [
    "FixHint",
    "FixKind",
    "PlanLabels",
    "PlannedStep",
    "PoolCapacity",
    "PoolChoice",
    "PoolInfo",
    "PoolReason",
    "Problem",
    "ProblemCode",
    "ReasonKind",
    "ReasonRow",
    "RunPlan",
    "Severity",
    "choose_pool",
    "plan",
    "step_context",
    "step_values",
]

# A worker step has no target yet, and the step is only known step by step.
_OPEN_KINDS = frozenset({Kind.ACTION, Kind.MACHINE, Kind.ROLE})


NO_ANSWERS: Answers = {}
NO_PACKAGES = PackageChoices()
_CANNOT_RUN = frozenset({ProblemCode.UNKNOWN_STEP_TYPE, ProblemCode.UNKNOWN_SYNTAX})


@dataclass(frozen=True, slots=True)
class _Inputs:
    candidates: Sequence[Candidate]
    context: Context
    pools: Pools
    capacity: Mapping[str, PoolCapacity]
    names: Names
    left_out: Collection[str]
    targets: Sequence[TargetInfo]
    packages: PackageChoices
    refuse_pasted: bool


def plan(
    *,
    process: ProcessDef,
    candidates: Sequence[Candidate],
    context: Context,
    pools: Mapping[str, PoolInfo],
    capacity: Mapping[str, PoolCapacity],
    names: Names,
    left_out: Collection[str] = (),
    targets: Sequence[TargetInfo] = (),
    answers: Answers = NO_ANSWERS,
    refuse_pasted: bool = False,
    packages: PackageChoices = NO_PACKAGES,
    missing: Sequence[Template] = (),
    tools_of: ToolsOf | None = None,
) -> RunPlan:
    """Plan one run of a process in one environment and for at most one tenant.

    `candidates` hold the `answers` already, which are checked here. `context` leaves the action open.
    `pools` are all pools of the space by id. A pool that is not in `capacity` is not judged. `names` label
    the ids in scopes and context. `left_out` are the ids of actions that whoever starts the run leaves out.
    `targets` are the deployment targets of the environment. `tools_of` is asked only where a step needs what
    not every worker has. `refuse_pasted`: no answer may get into the text of a script. `missing` are the
    templates that the tenant has no value for.
    """
    inputs = _Inputs(candidates, context, pools, capacity, names, left_out, targets, packages, refuse_pasted)
    values = StepValues(candidates, context)
    steps, problems = list[PlannedStep](), list(_process_problems(process))
    tenant = context.tenant or ""
    problems += missing_problems(missing, tenant=label(Kind.TENANT, tenant, names), id=tenant)
    for step, action in process.actions():
        planned, found = _plan_action(step, action, inputs=inputs, values=values)
        steps.append(planned)
        problems += found
    runs = {one.action_id: one for one in steps if one.skipped is None}
    values.on_targets(runs)
    running = [(step, action) for step, action in process.actions() if action.id in runs]
    abreast, found = parallelism(steps, values)
    problems += found
    problems += capacity_problems(steps)
    problems += tool_problems(steps, tools_of) if tools_of else ()
    problems += target_problems(steps, {one.id: one for one in targets})
    problems += tie_problems(running, values=values, names=names)
    problems += value_problems(running, values=values, context=context)
    problems += credential_problems(running, values=values)
    problems += answer_problems(candidates, context, answers)
    return RunPlan(
        context=context,
        labels=_labels(context, names),
        steps=tuple(steps),
        problems=tuple(problems),
        candidates=tuple(
            one for one in candidates if matches(one.scope, context, ignoring=_OPEN_KINDS) is None
        ),
        left_out=frozenset(left_out),
        abreast=abreast,
    )


def _labels(context: Context, names: Names) -> PlanLabels:
    def name(kind: Kind, id: str | None) -> str:
        return "" if id is None else label(kind, id, names)

    return PlanLabels(
        environment=name(Kind.ENVIRONMENT, context.environment),
        tenant=name(Kind.TENANT, context.tenant),
        process=name(Kind.PROCESS, context.process),
        channel=name(Kind.CHANNEL, context.channel),
    )


def _process_problems(process: ProcessDef) -> Iterator[Problem]:
    if all(action.is_disabled for _, action in process.actions()):
        lack = "no enabled steps" if process.steps else "no steps"
        message = f"The process has {lack}, so there is nothing to run."
        yield Problem(ProblemCode.EMPTY_PROCESS, message, fix=FixHint(FixKind.PROCESS))


def _plan_action(
    step: StepDef, action: ActionDef, *, inputs: _Inputs, values: StepValues
) -> tuple[PlannedStep, list[Problem]]:
    condition, expression = step.condition_of(action)
    location = step.location_of(action)
    planned = PlannedStep(
        number=step.number,
        step_id=step.id,
        action_id=action.id,
        name=action.name,
        slug=action.slug,
        action_type=action.action_type,
        properties=action.properties,
        condition=condition,
        expression=expression,
        is_required=action.is_required,
        start=step.start,
        location=location,
        child=step.child,
        parent=step.name if step.child else "",
        gate=step.condition if step.child else Condition.SUCCESS,
        gate_expression=step.expression if step.child else "",
        notes=action.notes,
    )
    if reason := _reason_to_skip(action, inputs):
        return replace(planned, skipped=reason), []
    if location.has_targets and (step.child or action.needs_machine):
        planned = _with_targets(planned, step, inputs)
        if not planned.targets:
            return replace(planned, skipped=planned.targets_why), list(no_target_problems(planned))
    values.on_targets({action.id: planned})
    problems = [*required_problems(step, action, inputs.left_out), *type_problems(step, action)]
    can_run = not any(one.code in _CANNOT_RUN for one in problems)
    if can_run:
        packages, found = planned_packages(step, action, inputs.packages)
        planned = replace(planned, needs=_needs(action, packages), packages=packages)
        problems += found
        problems += text_problems(step, action, values=values, context=inputs.context)
        problems += pasted_problems(step, action, values=values, is_refused=inputs.refuse_pasted)
    problems += rule_problems(step, action)
    problems += condition_problems(step, action, values=values, context=inputs.context)
    if not action.needs_machine or location is Location.TARGET:
        return planned, problems
    choice = choose_pool(
        step,
        action,
        candidates=inputs.candidates,
        context=replace(inputs.context, action=action.id),
        pools=inputs.pools,
        names=inputs.names,
    )
    found = [choice.problem] if choice.problem else []
    return _with_pool(planned, choice, inputs), found + problems


def _with_targets(planned: PlannedStep, step: StepDef, inputs: _Inputs) -> PlannedStep:
    environment = label(Kind.ENVIRONMENT, inputs.context.environment or "", inputs.names)
    choice = choose_targets(
        step.target_tags, inputs.targets, tenant=inputs.context.tenant, environment=environment
    )
    return replace(
        planned,
        target_tags=step.target_tags,
        targets=choice.targets,
        targets_why=choice.sentence,
        window=step.window,
    )


def _needs(action: ActionDef, packages: Sequence[PlannedPackage]) -> tuple[str, ...]:
    """Packages are fetched by a step program."""
    step_type = step_types.find(action.action_type)
    own = step_type.needs(action.properties) if step_type else ()
    own = containers.needs(action.properties, own, PROGRAMS)
    return (*own, PROGRAMS) if packages and PROGRAMS not in own else own


def _reason_to_skip(action: ActionDef, inputs: _Inputs) -> str | None:
    """Why a step does not run, as far as it is known before the run."""
    if action.is_disabled:
        return "Disabled"
    if reason := reason_to_skip(action.applies, inputs.context, inputs.names):
        return reason
    is_left_out = action.id in inputs.left_out and not action.is_required
    return "Left out of this run" if is_left_out else None


def _with_pool(planned: PlannedStep, choice: PoolChoice, inputs: _Inputs) -> PlannedStep:
    if choice.pool is None:
        return replace(planned, why=choice.reason)
    return replace(
        planned,
        why=choice.reason,
        pool_id=choice.pool.id,
        pool_name=choice.pool.name,
        capacity=inputs.capacity.get(choice.pool.id),
    )
