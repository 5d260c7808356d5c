"""Answers that `#{…}` pastes into the text of a script, where they become a part of the program.

Whoever may start a run may then run what they like on the worker. A script that reads the value while it runs
(`get_octopusvariable`, `$OctopusParameters`, the environment) is not changed by what somebody answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain import step_types
from domain.plan_checks import StepValues, reach
from domain.plans import FixHint, FixKind, Problem, ProblemCode, Severity
from domain.processes import ActionDef, StepDef
from domain.variables import name_key

_SCRIPT = "script"


def pasted_problems(
    step: StepDef, action: ActionDef, *, values: StepValues, is_refused: bool
) -> Iterator[Problem]:
    """One for each answer that gets into the script, by itself or through the values that it refers to: an
    error where the project refuses it."""
    step_type = step_types.find(action.action_type)
    texts = (
        [one.template for one in step_type.texts(action.properties) if one.noun == _SCRIPT]
        if step_type
        else []
    )
    asking = {name_key(one.name): one.name for one in values.winners_at(action.id) if one.prompt is not None}
    if not asking or not any("#{" in text for text in texts):
        return
    resolutions = values.at(action.id)
    pasted = frozenset[str]().union(*(reach(text, resolutions) for text in texts))
    for key in sorted(pasted & asking.keys()):
        yield _problem(step, asking[key], is_refused=is_refused)


def _problem(step: StepDef, name: str, *, is_refused: bool) -> Problem:
    rule = " This project does not allow that." if is_refused else ""
    message = (
        f"The script of step {step.label} pastes #{{{name}}}, which is answered when a run starts: "
        f"the answer becomes a part of the script.{rule} "
        f'Read it with get_octopusvariable "{name}" instead.'
    )
    severity = Severity.ERROR if is_refused else Severity.WARNING
    fix = FixHint(FixKind.PROCESS, step.id)
    return Problem(ProblemCode.PASTED_ANSWER, message, severity, step.number, fix)
