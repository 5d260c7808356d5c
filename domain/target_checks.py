"""What can be told to be wrong with the deployment targets of a plan before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.needs import said
from domain.plans import FixHint, FixKind, PlannedStep, Problem, ProblemCode, Severity
from domain.processes import Location
from domain.targets import TargetInfo

_TARGETS = FixHint(FixKind.TARGETS)


def no_target_problems(step: PlannedStep) -> Iterator[Problem]:
    """A step without targets is skipped, as in Octopus; one that names no tags never has any."""
    if not step.target_tags:
        message = f"Step {step.label} runs for deployment targets and names no target tags."
        fix = FixHint(FixKind.PROCESS, step.step_id)
        yield Problem(ProblemCode.NO_TARGET_TAGS, message, step=step.number, fix=fix)
        return
    message = f"Step {step.label} is skipped. {step.targets_why}"
    yield Problem(ProblemCode.NO_TARGETS, message, Severity.WARNING, step.number, _TARGETS)


def target_problems(steps: Sequence[PlannedStep], targets: Mapping[str, TargetInfo]) -> Iterator[Problem]:
    """Targets by id that steps run on themselves, and that cannot take work or lack what a step needs."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for step in steps:
        on_targets = step.skipped is None and step.location is Location.TARGET
        for planned in step.targets if on_targets else ():
            target = targets[planned.id]
            if (target.id, step.needs) not in seen:
                seen.add((target.id, step.needs))
                yield from _problems(step, target)


def _problems(step: PlannedStep, target: TargetInfo) -> Iterator[Problem]:
    if target.trouble:
        severity = Severity.WARNING if target.returns else Severity.ERROR
        wait = " The run will wait." if target.returns else ""
        message = f"Step {step.label} runs on {target.name}, which cannot take work: {target.trouble}.{wait}"
        yield Problem(ProblemCode.TARGET_NOT_AVAILABLE, message, severity, step.number, _TARGETS)
    elif lacking := sorted(set(step.needs) - target.tools):
        message = f"Step {step.label} runs on {target.name}, which does not have {said(lacking)}."
        yield Problem(ProblemCode.TARGET_LACKS_TOOLS, message, step=step.number, fix=_TARGETS)
