"""What can be told to be wrong with a plan before it starts: scripts, values, pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from domain import octostache
from domain.labels import Names, counted, listed, scope_text, spelled
from domain.plans import FixHint, FixKind, PlannedStep, PoolCapacity, Problem, ProblemCode, Severity
from domain.processes import SCRIPT_ACTION, SCRIPT_SYNTAX, ActionDef, StepDef
from domain.scopes import Context, Kind
from domain.system_variables import known_names
from domain.variables import Candidate, Resolution, VariableType, grouped, name_key, resolve_values

Actions = Sequence[tuple[StepDef, ActionDef]]
"""The actions that run, each with its step."""


class StepValues:
    """The resolutions of every variable at each action of a run.

    Only names with a value scoped to an action are resolved anew for each.
    """

    def __init__(self, candidates: Sequence[Candidate], context: Context) -> None:
        groups = grouped(candidates)
        self._context = context
        self._varying = {
            key: group
            for key, group in groups.items()
            if any(Kind.ACTION in candidate.scope for candidate in group)
        }
        self._constant = {
            key: resolve_values(group[0].name, group, context)
            for key, group in groups.items()
            if key not in self._varying
        }

    def at(self, action_id: str) -> dict[str, Resolution]:
        """Every name's resolution for one action, by `name_key`; the same dict while none varies."""
        if not self._varying:
            return self._constant
        context = replace(self._context, action=action_id)
        varying = {key: resolve_values(group[0].name, group, context) for key, group in self._varying.items()}
        return {**self._constant, **varying}


def type_problems(step: StepDef, action: ActionDef) -> Iterator[Problem]:
    """Whether this version can run such an action at all."""
    fix = FixHint(FixKind.PROCESS, step.id)
    if action.action_type != SCRIPT_ACTION:
        message = f"Step {step.number} is of the type {action.action_type}, which cannot run here."
        yield Problem(ProblemCode.UNKNOWN_STEP_TYPE, message, step=step.number, fix=fix)
        return
    try:
        _ = action.syntax
    except ValueError:
        syntax = action.properties[SCRIPT_SYNTAX]
        message = f"Step {step.number} is written in {syntax}, which cannot run here."
        yield Problem(ProblemCode.UNKNOWN_SYNTAX, message, step=step.number, fix=fix)


def script_problems(
    step: StepDef, action: ActionDef, *, values: StepValues, context: Context
) -> Iterator[Problem]:
    """What the script refers to and is not there, or uses and is not evaluated."""
    if "#{" not in action.script:
        return
    resolutions = values.at(action.id)
    result = octostache.evaluate_detailed(action.script, _template_values(resolutions, context))
    fix = FixHint(FixKind.PROCESS, step.id)
    for error in result.errors:
        # Circles are told by `value_problems`, also those that no script refers to.
        if isinstance(error, octostache.ExpansionTooLarge):
            message = f"The script of step {step.number} cannot be filled in. {error}."
            yield Problem(ProblemCode.BAD_VALUE, message, step=step.number, fix=fix)
    for name in result.missing:
        yield _missing(step, name, resolutions)
    for construct in result.unsupported:
        what = "a filter (|)" if construct == "|" else f"#{{{construct}}}"
        message = (
            f"The script of step {step.number} uses {what}, "
            "which is not evaluated and stays as it is written."
        )
        yield Problem(ProblemCode.UNSUPPORTED_TEMPLATE, message, Severity.WARNING, step.number, fix)


def value_problems(actions: Actions, *, values: StepValues, context: Context) -> Iterator[Problem]:
    """One problem for each circle of values, at the first step that would get them."""
    seen: set[frozenset[str]] = set()
    checked: dict[str, Resolution] | None = None
    for step, action in actions:
        resolutions = values.at(action.id)
        if resolutions is checked:
            continue
        checked = resolutions
        for error in _errors(_template_values(resolutions, context)):
            names = error.names if isinstance(error, octostache.RecursionDetected) else ()
            if frozenset(names) not in seen:
                seen.add(frozenset(names))
                message = f"Step {step.number} cannot get its variables. {error}."
                fix = FixHint(FixKind.VARIABLE, "".join(names[:1]))
                yield Problem(ProblemCode.BAD_VALUE, message, step=step.number, fix=fix)


def _errors(variables: Mapping[str, str]) -> tuple[octostache.TemplateError, ...]:
    if not any("#{" in value for value in variables.values()):
        return ()
    try:
        return octostache.expand_all(variables).errors
    except octostache.ExpansionTooLarge as error:
        return (error,)


def _template_values(resolutions: Mapping[str, Resolution], context: Context) -> dict[str, str]:
    """What a step gets, with "" for what is secret or only known when it starts."""
    winners = (one.winner for one in resolutions.values() if one.winner is not None)
    values = {one.name: "" if one.type is VariableType.SENSITIVE else one.value for one in winners}
    return {**values, **dict.fromkeys(known_names(context), "")}


def _missing(step: StepDef, name: str, resolutions: Mapping[str, Resolution]) -> Problem:
    resolution = resolutions.get(name_key(name))
    defined = len(resolution.verdicts) if resolution else 0
    lack = {0: "which has no value", 1: "and its only value does not apply here"}.get(
        defined, f"and none of its {counted(defined, 'value')} applies here"
    )
    message = f"The script of step {step.number} refers to #{{{name}}}, {lack}. It stays as it is written."
    fix = FixHint(FixKind.VARIABLE, name)
    return Problem(ProblemCode.MISSING_VALUE, message, Severity.WARNING, step.number, fix)


def capacity_problems(steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """One problem for each pool, at the first step that uses it."""
    seen: set[str] = set()
    for step in steps:
        if step.pool_id is None or step.pool_id in seen or step.capacity is None:
            continue
        seen.add(step.pool_id)
        yield from _pool_problems(step, step.capacity)


def _pool_problems(step: PlannedStep, capacity: PoolCapacity) -> Iterator[Problem]:
    pool, workers = step.pool_name, FixHint(FixKind.WORKERS, step.pool_id or "")
    if capacity.workers_total == 0:
        message = f"{pool} has no workers."
        yield Problem(ProblemCode.POOL_WITHOUT_WORKERS, message, step=step.number, fix=workers)
    elif capacity.workers_available == 0:
        states = f": {capacity.reason}" if capacity.reason else ""
        message = f"{pool} has {counted(capacity.workers_total, 'worker')}, but none can take work{states}."
        yield Problem(ProblemCode.NO_AVAILABLE_WORKER, message, step=step.number, fix=workers)
    elif capacity.is_full:
        total = capacity.slots_total
        message = f"{pool} is full, {total} of {counted(total, 'slot')} busy. The run will wait."
        fix = FixHint(FixKind.POOL, step.pool_id or "")
        yield Problem(ProblemCode.POOL_FULL, message, Severity.WARNING, step.number, fix)


def tie_problems(actions: Actions, *, values: StepValues, names: Names) -> Iterator[Problem]:
    """One problem for each tied name; a tied pool variable has its own where it picks."""
    seen = {
        key
        for _, action in actions
        if (key := name_key(action.worker_pool_variable or "")) in values.at(action.id)
        and values.at(action.id)[key].tie
    }
    for step, action in actions:
        for key, resolution in values.at(action.id).items():
            if resolution.tie and key not in seen:
                seen.add(key)
                yield _tie_problem(step, resolution, names)


def _tie_problem(step: StepDef, resolution: Resolution, names: Names) -> Problem:
    scopes = listed([scope_text(one.scope, names) for one in resolution.tie])
    count = spelled(len(resolution.tie)).capitalize()
    message = f"{count} values of {resolution.name} are equally specific for this run: {scopes}."
    fix = FixHint(FixKind.VARIABLE, resolution.name)
    return Problem(ProblemCode.TIED_VALUES, message, step=step.number, fix=fix)
