"""What can be told to be wrong with a plan before it starts: scripts, values, pools."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from domain import containers, octostache, package_references, step_templates, step_types
from domain.labels import Names, counted, listed, scope_text, spelled
from domain.needs import USUAL, said
from domain.plans import (
    MOST_ABREAST,
    FixHint,
    FixKind,
    PlannedStep,
    PoolCapacity,
    Problem,
    ProblemCode,
    Severity,
    action_context,
)
from domain.processes import (
    BACKOFF,
    MAX_PARALLELISM,
    MOST_RETRY_CODES,
    RETRIES,
    RETRY_AFTER,
    RETRY_CODES,
    RULE_LIMITS,
    SETTLES,
    TIME_LIMIT,
    UNKNOWN_OUTCOME,
    ActionDef,
    StepDef,
    backoff_of,
    exit_codes,
    rule_number,
)
from domain.scopes import Context, Kind
from domain.step_rules import Backoff, Condition, Start
from domain.system_variables import known_names
from domain.targets import PlannedTarget
from domain.variables import (
    Candidate,
    Resolution,
    VariableType,
    expanded,
    grouped,
    name_key,
    resolve_values,
)

Actions = Sequence[tuple[StepDef, ActionDef]]
"""The actions that run, each with its step."""


ToolsOf = Callable[[str], Sequence[frozenset[str]]]
"""What each worker of a pool (by id) that can take work has."""


class StepValues:
    """The resolutions of every variable at each action of a run.

    Only names with a value scoped to an action, a target or a target tag are resolved anew for each. For a
    step with targets it is those of the first one; where values differ from target to target, `each_at`
    gives all of them.
    """

    def __init__(self, candidates: Sequence[Candidate], context: Context) -> None:
        groups = grouped(candidates)
        self._context = context
        self._varying = {
            key: group
            for key, group in groups.items()
            if any(not _VARYING.isdisjoint(candidate.scope) for candidate in group)
        }
        self._by_target = any(
            not _OF_TARGETS.isdisjoint(one.scope) for group in self._varying.values() for one in group
        )
        self._targets: dict[str, tuple[PlannedTarget, ...]] = {}
        self._constant = {
            key: resolve_values(group[0].name, group, context)
            for key, group in groups.items()
            if key not in self._varying
        }

    def on_targets(self, steps: Mapping[str, PlannedStep]) -> None:
        """The planned steps by the ids of their actions, once their targets are known."""
        self._targets |= {id: step.targets for id, step in steps.items()}

    def at(self, action_id: str) -> dict[str, Resolution]:
        """Every name's resolution for one action, by `name_key`; the same dict while none varies."""
        return next(self.each_at(action_id))

    def each_at(self, action_id: str) -> Iterator[dict[str, Resolution]]:
        """`at` for each of its targets that may get other values than the first."""
        targets = self._targets.get(action_id, ())
        if not targets:
            yield self._at(action_id, None)
        for target in targets if self._by_target else targets[:1]:
            yield self._at(action_id, target)

    def _at(self, action_id: str, target: PlannedTarget | None) -> dict[str, Resolution]:
        if not self._varying:
            return self._constant
        context = action_context(self._context, action_id, target)
        varying = {key: resolve_values(group[0].name, group, context) for key, group in self._varying.items()}
        return {**self._constant, **varying}

    def winners_at(self, action_id: str) -> Iterator[Candidate]:
        """The value of each variable that has one there, on any of its targets."""
        for resolutions in self.each_at(action_id):
            yield from (one.winner for one in resolutions.values() if one.winner is not None)


_OF_TARGETS = frozenset({Kind.MACHINE, Kind.ROLE})
_VARYING = _OF_TARGETS | {Kind.ACTION}


def type_problems(step: StepDef, action: ActionDef) -> Iterator[Problem]:
    """Whether this version can run such an action at all."""
    fix = FixHint(FixKind.PROCESS, step.id)
    step_type = step_types.find(action.action_type)
    if step_type is None:
        message = f"Step {step.label} is of the type {action.action_type}, which cannot run here."
        yield Problem(ProblemCode.UNKNOWN_STEP_TYPE, message, step=step.number, fix=fix)
        return
    for fault in step_type.faults(action.properties):
        yield Problem(fault.code, f"Step {step.label} {fault.sentence}", step=step.number, fix=fix)


_RULE_NAMES = {RETRIES: "retries", RETRY_AFTER: "seconds between tries", TIME_LIMIT: "minutes"}


def rule_problems(step: StepDef, action: ActionDef) -> Iterator[Problem]:
    """Settings for tries, time and unknown outcomes that make no sense."""
    if action.is_manual:
        return
    fix = FixHint(FixKind.PROCESS, step.id)
    for name, noun in _RULE_NAMES.items():
        if rule_number(action.properties, name) is None:
            most = f"{RULE_LIMITS[name]:,}"
            message = (
                f'Step {step.label} is set to "{_short(action.properties[name])}" {noun}, '
                f"which is not a whole number from 0 to {most}."
            )
            yield Problem(ProblemCode.BAD_RULE, message, step=step.number, fix=fix)
    if exit_codes(action.properties.get(RETRY_CODES, "")) is None:
        message = (
            f'Step {step.label} is tried again after "{_short(action.properties[RETRY_CODES])}", '
            f"which are not at most {MOST_RETRY_CODES} exit codes from 1 to 255."
        )
        yield Problem(ProblemCode.BAD_RULE, message, step=step.number, fix=fix)
    if backoff_of(action.properties) is None:
        message = (
            f'Step {step.label} says "{_short(action.properties[BACKOFF])}" of the pause between tries, '
            f"where only {' or '.join(Backoff)} can stand."
        )
        yield Problem(ProblemCode.BAD_RULE, message, step=step.number, fix=fix)
    settle = action.properties.get(UNKNOWN_OUTCOME) or "Ask"
    if settle not in SETTLES:
        message = (
            f'Step {step.label} says "{_short(settle)}" of an unknown outcome, '
            f"where only {' or '.join(SETTLES)} can stand."
        )
        yield Problem(ProblemCode.BAD_RULE, message, step=step.number, fix=fix)


def condition_problems(
    step: StepDef, action: ActionDef, *, values: StepValues, context: Context
) -> Iterator[Problem]:
    """A run condition that says nothing, or refers to what no variable is called; of child steps also that of
    the step that they belong to, once."""
    if step.child:
        condition, expression = step.condition_of(action)
        own = replace(step, condition=condition, expression=expression)
        yield from _condition_problems(own, action, values=values, context=context)
    if step.child <= 1:
        yield from _condition_problems(replace(step, child=0), action, values=values, context=context)


def _condition_problems(
    step: StepDef, action: ActionDef, *, values: StepValues, context: Context
) -> Iterator[Problem]:
    if step.condition is not Condition.VARIABLE:
        return
    fix = FixHint(FixKind.PROCESS, step.id)
    if not step.expression.strip():
        message = f"Step {step.label} runs only if an expression is true, and none is entered."
        yield Problem(ProblemCode.NO_EXPRESSION, message, step=step.number, fix=fix)
    missing = {
        name: None
        for one in values.each_at(action.id)
        for name in octostache.evaluate_detailed(
            step.expression, _template_values(one, known_names(context))
        ).missing
    }
    for name in missing:
        if not name.startswith(OF_THE_RUN):
            message = (
                f"The condition of step {step.label} refers to #{{{name}}}, which has no value. "
                "It counts as not true."
            )
            fix = FixHint(FixKind.VARIABLE, name)
            yield Problem(ProblemCode.MISSING_VALUE, message, Severity.WARNING, step.number, fix)


_OF_TARGETS_OF_THE_RUN = "Octopus.Environment.MachinesInRole["
"""What is only known once all steps have their targets; a tag that no target has gives nothing."""
OF_THE_RUN = ("Octopus.Action[", "Octopus.Step[", "Octopus.Deployment.Error")
"""What only the run itself will know."""


def required_problems(step: StepDef, action: ActionDef, left_out: Collection[str]) -> Iterator[Problem]:
    """Somebody wants to leave out a step that nobody may leave out."""
    if action.is_required and action.id in left_out:
        message = f"Step {step.label} is required and cannot be left out."
        yield Problem(ProblemCode.REQUIRED_STEP, message, step=step.number)


def parallelism(steps: Sequence[PlannedStep], values: StepValues) -> tuple[int, list[Problem]]:
    """How many steps, or targets of a step, may run beside each other, and what is wrong with the variable
    that says so."""
    first = next(
        (
            one
            for one in steps
            if len(one.targets) > 1 or (one.number > 1 and one.start is Start.WITH_PREVIOUS)
        ),
        None,
    )
    resolution = values.at("").get(name_key(MAX_PARALLELISM)) if first else None
    if first is None or resolution is None or resolution.winner is None:
        return MOST_ABREAST, []
    text = resolution.winner.value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 4 and int(text) > 0:
        return int(text), []
    message = (
        f'{MAX_PARALLELISM} is "{_short(resolution.winner.shown)}", '
        "where a whole number from 1 to 9,999 has to stand."
    )
    fix = FixHint(FixKind.VARIABLE, MAX_PARALLELISM)
    return MOST_ABREAST, [Problem(ProblemCode.BAD_VALUE, message, step=first.number, fix=fix)]


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def text_problems(
    step: StepDef, action: ActionDef, *, values: StepValues, context: Context
) -> Iterator[Problem]:
    """What the texts of a step refer to and is not there, or use and is not evaluated."""
    step_type = step_types.find(action.action_type)
    own = list(step_type.texts(action.properties)) if step_type else []
    own += [step_types.Text(noun, template) for noun, template in containers.texts(action.properties)]
    for text in own:
        if "#{" in text.template:
            known = _known(action, context)
            # The same for most targets: said once.
            yield from dict.fromkeys(
                problem
                for resolutions in values.each_at(action.id)
                for problem in _text_problems(step, text, resolutions=resolutions, known=known)
            )


def _text_problems(
    step: StepDef, given: step_types.Text, *, resolutions: Mapping[str, Resolution], known: frozenset[str]
) -> Iterator[Problem]:
    text = given.noun
    result = octostache.evaluate_detailed(given.template, _template_values(resolutions, known))
    fix = FixHint(FixKind.PROCESS, step.id)
    for error in result.errors:
        # Circles are told by `value_problems`, also those that no script refers to.
        if not isinstance(error, octostache.RecursionDetected):
            message = f"The {text} of step {step.label} cannot be filled in. {error}."
            yield Problem(ProblemCode.BAD_VALUE, message, step=step.number, fix=fix)
    for name in result.missing:
        if name.startswith(_OF_TARGETS_OF_THE_RUN):
            continue
        yield _missing(step, text, name, resolutions)
    open_names = _open_names(resolutions, known)
    for one in result.unevaluated:
        if not reach(one.token, resolutions) & open_names:
            message = f"The {text} of step {step.label} has {_short(one.token)}, which stays: {one.reason}."
            yield Problem(ProblemCode.UNEVALUATED_TOKEN, message, Severity.WARNING, step.number, fix)


def _known(action: ActionDef, context: Context) -> frozenset[str]:
    """The names that have a value only once the step starts."""
    own = package_references.known_names(action.properties)
    return known_names(context) | own | frozenset(step_templates.parameter_names(action.properties))


def _open_names(resolutions: Mapping[str, Resolution], known: frozenset[str]) -> frozenset[str]:
    """The keys of what is secret or only known when a step starts: what a filter makes of them, too."""
    winners = (one.winner for one in resolutions.values() if one.winner is not None)
    secret = {name_key(one.name) for one in winners if one.type is VariableType.SENSITIVE}
    return frozenset(secret | {name_key(name) for name in known})


def reach(template: str, resolutions: Mapping[str, Resolution]) -> frozenset[str]:
    """The keys of all names that a template refers to, through the values that they have."""
    reached, waiting = set[str](), [template]
    while waiting:
        for name in octostache.references(waiting.pop()):
            key = name_key(name)
            resolution = resolutions.get(key)
            if key not in reached and resolution is not None and resolution.winner is not None:
                waiting.append(resolution.winner.value)
            reached.add(key)
    return frozenset(reached)


def value_problems(actions: Actions, *, values: StepValues, context: Context) -> Iterator[Problem]:
    """One problem for each circle of values, at the first step that would get them."""
    seen: set[frozenset[str]] = set()
    checked: dict[str, Resolution] | None = None
    everywhere = ((step, action, one) for step, action in actions for one in values.each_at(action.id))
    for step, action, resolutions in everywhere:
        if resolutions is checked:
            continue
        checked = resolutions
        for error in _errors(_template_values(resolutions, _known(action, context))):
            names = error.names if isinstance(error, octostache.RecursionDetected) else ()
            if frozenset(names) not in seen:
                seen.add(frozenset(names))
                message = f"Step {step.label} cannot get its variables. {error}."
                fix = FixHint(FixKind.VARIABLE, "".join(names[:1]))
                yield Problem(ProblemCode.BAD_VALUE, message, step=step.number, fix=fix)


def _errors(variables: Mapping[str, str]) -> tuple[octostache.TemplateError, ...]:
    if not any("#{" in value for value in variables.values()):
        return ()
    try:
        return octostache.expand_all(variables).errors
    except octostache.TemplateError as error:
        return (error,)


def _template_values(resolutions: Mapping[str, Resolution], known: frozenset[str]) -> dict[str, str]:
    """What a step gets, with "" for what is secret or only known when it starts."""
    winners = expanded(one.winner for one in resolutions.values() if one.winner is not None)
    values = {name: "" if one.type is VariableType.SENSITIVE else one.value for name, one in winners.items()}
    return {**values, **dict.fromkeys(known, "")}


def _missing(step: StepDef, text: str, name: str, resolutions: Mapping[str, Resolution]) -> Problem:
    resolution = resolutions.get(name_key(name))
    defined = len(resolution.verdicts) if resolution else 0
    lack = {0: "which has no value", 1: "and its only value does not apply here"}.get(
        defined, f"and none of its {counted(defined, 'value')} applies here"
    )
    message = f"The {text} of step {step.label} refers to #{{{name}}}, {lack}. It stays as it is written."
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


def tool_problems(steps: Sequence[PlannedStep], tools_of: ToolsOf) -> Iterator[Problem]:
    """Pools of which workers can take work, but none has what a step needs; one for each such need."""
    seen: set[tuple[str, frozenset[str]]] = set()
    for step in steps:
        needs = frozenset(step.needs)
        there = step.capacity.workers_available if step.capacity else 0
        if not step.pool_id or not there or needs <= USUAL or (step.pool_id, needs) in seen:
            continue
        seen.add((step.pool_id, needs))
        if not any(needs <= tools for tools in tools_of(step.pool_id)):
            message = (
                f"Step {step.label} needs {said(needs)}, which no available worker of {step.pool_name} has."
            )
            fix = FixHint(FixKind.WORKERS, step.pool_id)
            yield Problem(ProblemCode.NO_AVAILABLE_WORKER, message, step=step.number, fix=fix)


def _pool_problems(step: PlannedStep, capacity: PoolCapacity) -> Iterator[Problem]:
    pool, workers = step.pool_name, FixHint(FixKind.WORKERS, step.pool_id or "")
    if capacity.workers_total == 0:
        message = f"{pool} has no workers."
        yield Problem(ProblemCode.POOL_WITHOUT_WORKERS, message, step=step.number, fix=workers)
    elif capacity.is_returning:
        message = f"No worker of {pool} is connected right now: {capacity.reason}. The run will wait."
        fix = FixHint(FixKind.POOL, step.pool_id or "")
        yield Problem(ProblemCode.NO_AVAILABLE_WORKER, message, Severity.WARNING, step.number, fix)
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
        for key, resolution in _all_at(action.id, values):
            if resolution.tie and key not in seen:
                seen.add(key)
                yield _tie_problem(step, resolution, names)


def _all_at(action_id: str, values: StepValues) -> Iterator[tuple[str, Resolution]]:
    for resolutions in values.each_at(action_id):
        yield from resolutions.items()


def _tie_problem(step: StepDef, resolution: Resolution, names: Names) -> Problem:
    tied = listed([f"{_short(one.shown)} ({scope_text(one.scope, names)})" for one in resolution.tie])
    count = spelled(len(resolution.tie)).capitalize()
    message = f"{count} values of {resolution.name} are equally specific for this run: {tied}."
    fix = FixHint(FixKind.VARIABLE, resolution.name)
    return Problem(ProblemCode.TIED_VALUES, message, step=step.number, fix=fix)
