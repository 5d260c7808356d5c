"""Plan a run: the one function behind the preview, the run and the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.labels import Names, label
from domain.plan_checks import (
    StepValues,
    capacity_problems,
    script_problems,
    tie_problems,
    type_problems,
    value_problems,
)
from domain.plans import (
    FixHint,
    FixKind,
    PlanLabels,
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
from domain.processes import ActionDef, ProcessDef, StepDef
from domain.scopes import Context, Kind, matches
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


@dataclass(frozen=True, slots=True)
class _Inputs:
    candidates: Sequence[Candidate]
    context: Context
    pools: Pools
    capacity: Mapping[str, PoolCapacity]
    names: Names


def plan(
    *,
    process: ProcessDef,
    candidates: Sequence[Candidate],
    context: Context,
    pools: Mapping[str, PoolInfo],
    capacity: Mapping[str, PoolCapacity],
    names: Names,
) -> RunPlan:
    """Plan one run of a process in one environment and for at most one tenant.

    `context` leaves the action open. `pools` are all pools of the space by id. A pool that
    is not in `capacity` is not judged. `names` label the ids in scopes and context.
    """
    inputs = _Inputs(candidates, context, pools, capacity, names)
    values = StepValues(candidates, context)
    steps, problems = list[PlannedStep](), list(_process_problems(process))
    for step, action in process.actions():
        planned, found = _plan_action(step, action, inputs=inputs, values=values)
        steps.append(planned)
        problems += found
    running = [(step, action) for step, action in process.actions() if not action.is_disabled]
    problems += capacity_problems(steps)
    problems += tie_problems(running, values=values, names=names)
    problems += value_problems(running, values=values, context=context)
    return RunPlan(
        context=context,
        labels=_labels(context, names),
        steps=tuple(steps),
        problems=tuple(problems),
        candidates=tuple(
            one for one in candidates if matches(one.scope, context, ignoring=_OPEN_KINDS) is None
        ),
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
    planned = PlannedStep(
        number=step.number,
        step_id=step.id,
        action_id=action.id,
        name=action.name,
        slug=action.slug,
        action_type=action.action_type,
        properties=action.properties,
    )
    if action.is_disabled:
        return replace(planned, skipped="Disabled"), []
    problems = list(type_problems(step, action))
    if not problems:
        planned = replace(planned, needs=(action.syntax.lower(),))
        problems += script_problems(step, action, values=values, context=inputs.context)
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
