"""What somebody supplies for a run, pasted by `#{…}` into the text of a script: a part of the program then.

Whoever may start a run may then run what they like on the worker. A script that reads the value while it runs
(`get_octopusvariable`, `$OctopusParameters`, the environment) is not changed by what somebody answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain import octostache, step_types
from domain.plan_checks import StepValues, reach
from domain.plans import FixHint, FixKind, Problem, ProblemCode, Severity
from domain.processes import ActionDef, StepDef
from domain.variables import Candidate, Origin, grouped, name_key

_SCRIPT = "script"


def pasted_problems(
    step: StepDef, action: ActionDef, *, values: StepValues, is_refused: bool
) -> Iterator[Problem]:
    """One for each answer and each value of a tenant that gets into the script, by itself or through the
    values that it refers to: an error where the project refuses it."""
    texts = scripts_of(action.action_type, action.properties)
    asking = {name_key(one.name): one for one in values.winners_at(action.id) if _is_supplied(one)}
    if not asking or not any("#{" in text for text in texts):
        return
    resolutions = values.at(action.id)
    pasted = frozenset[str]().union(*(reach(text, resolutions) for text in texts))
    for key in sorted(pasted & asking.keys()):
        yield _problem(step, asking[key], is_refused=is_refused)


def _is_supplied(candidate: Candidate) -> bool:
    return candidate.prompt is not None or candidate.origin is Origin.TENANT


def scripts_of(action_type: str, properties: Mapping[str, str]) -> list[str]:
    """The texts of a step that are run as programs."""
    step_type = step_types.find(action_type)
    texts = step_type.texts(properties) if step_type else ()
    return [one.template for one in texts if one.noun == _SCRIPT]


def pasted_names(
    scripts: Sequence[str], candidates: Sequence[Candidate], supplied: Mapping[str, str]
) -> tuple[str, ...]:
    """Which of the `supplied` names (by `name_key`) get into scripts, by themselves or through any value."""
    groups = grouped(candidates)
    reached, waiting = set[str](), list(scripts)
    while waiting:
        for key in map(name_key, octostache.references(waiting.pop())):
            if key not in reached:
                reached.add(key)
                waiting += [one.value for one in groups.get(key, ()) if "#{" in one.value]
    return tuple(name for key, name in sorted(supplied.items()) if key in reached)


def _problem(step: StepDef, candidate: Candidate, *, is_refused: bool) -> Problem:
    name = candidate.name
    rule = " This project does not allow that." if is_refused else ""
    who = "is answered when a run starts" if candidate.prompt is not None else "the tenant gives"
    what = "the answer" if candidate.prompt is not None else "the value"
    message = (
        f"The script of step {step.label} pastes #{{{name}}}, which {who}: "
        f"{what} becomes a part of the script.{rule} "
        f'Read it with get_octopusvariable "{name}" instead.'
    )
    severity = Severity.ERROR if is_refused else Severity.WARNING
    fix = FixHint(FixKind.PROCESS, step.id)
    return Problem(ProblemCode.PASTED_ANSWER, message, severity, step.number, fix)
