"""The variables that a run used, as its frozen plan has them: with the reason, without secrets."""

from __future__ import annotations

from dataclasses import dataclass

from domain.plans import PlannedStep, RunPlan, step_context
from domain.used_names import used_names
from domain.variables import Candidate, Outcome, Resolution, VariableType, resolve_all
from tasks.selectors.fingerprints import of_sealed


@dataclass(frozen=True)
class UsedValue:
    """`steps` is empty where the value is the same at every step."""

    name: str
    type: VariableType
    shown: str
    reason: str
    steps: tuple[int, ...] = ()

    @property
    def is_sensitive(self) -> bool:
        return self.type is VariableType.SENSITIVE


#: By name and id of the value.
_Given = dict[tuple[str, str], UsedValue]


def used_values(plan: RunPlan) -> list[UsedValue]:
    """All that its steps were given, by name; where they see different values, one line for each of the
    values."""
    return _gathered(plan, [_given_at(plan, step) for step in plan.running_steps])


def named_values(plan: RunPlan) -> list[UsedValue]:
    """The same without those that no step names, in a script, in a setting or through another value."""
    return _gathered(plan, [_named_at(plan, step) for step in plan.running_steps])


def _gathered(plan: RunPlan, at_steps: list[_Given]) -> list[UsedValue]:
    by_value: dict[tuple[str, str], list[int]] = {}
    found: dict[tuple[str, str], UsedValue] = {}
    for step, given in zip(plan.running_steps, at_steps, strict=True):
        for key, value in given.items():
            by_value.setdefault(key, []).append(step.number)
            found.setdefault(key, value)
    everywhere = len(plan.running_steps)
    values = [
        value if len(by_value[key]) == everywhere else _at(value, by_value[key])
        for key, value in found.items()
    ]
    return sorted(values, key=lambda value: (value.name.casefold(), value.steps))


def _given_at(plan: RunPlan, step: PlannedStep) -> _Given:
    """On several targets of a step there may be several of a name."""
    found: _Given = {}
    for target in step.targets or (None,):
        for name, resolution in resolve_all(plan.candidates, step_context(plan, step, target)).items():
            if value := _used(name, resolution):
                found.setdefault((name, resolution.winner.id if resolution.winner else ""), value)
    return found


def _named_at(plan: RunPlan, step: PlannedStep) -> _Given:
    given = _given_at(plan, step)
    plain: dict[str, str] = {}
    for value in given.values():
        text = "" if value.is_sensitive else value.shown
        plain[value.name] = f"{plain.get(value.name, '')}\n{text}"
    names = used_names(step, plain)
    return {key: value for key, value in given.items() if value.name in names}


def _used(name: str, resolution: Resolution) -> UsedValue | None:
    winner = resolution.winner
    if winner is None:
        return None
    sentences = (one.sentence for one in resolution.verdicts if one.outcome is Outcome.USED)
    reason = next(sentences, "").removeprefix("Used. ")
    return UsedValue(name=name, type=winner.type, shown=_shown(winner), reason=reason)


def _shown(winner: Candidate) -> str:
    """A secret with its fingerprint, which tells whether two runs used the same."""
    found = of_sealed(winner.value) if winner.type is VariableType.SENSITIVE else ""
    return f"{winner.shown} fingerprint {found}" if found else winner.shown


def _at(value: UsedValue, steps: list[int]) -> UsedValue:
    return UsedValue(value.name, value.type, value.shown, value.reason, tuple(steps))
