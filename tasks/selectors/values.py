"""The variables that a run used, as its frozen plan has them: with the reason, without secrets."""

from __future__ import annotations

from dataclasses import dataclass

from domain.plans import PlannedStep, RunPlan, step_context
from domain.variables import Outcome, Resolution, VariableType, resolve_all


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


def used_values(plan: RunPlan) -> list[UsedValue]:
    """By name; where steps see different values, one line for each of the values."""
    by_value: dict[tuple[str, str], list[int]] = {}
    found: dict[tuple[str, str], UsedValue] = {}
    for step in plan.running_steps:
        for name, resolution in _resolved(plan, step).items():
            value = _used(name, resolution)
            if value is None:
                continue
            key = (name, resolution.winner.id if resolution.winner else "")
            by_value.setdefault(key, []).append(step.number)
            found.setdefault(key, value)
    everywhere = len(plan.running_steps)
    values = [
        value if len(by_value[key]) == everywhere else _at(value, by_value[key])
        for key, value in found.items()
    ]
    return sorted(values, key=lambda value: (value.name.casefold(), value.steps))


def _resolved(plan: RunPlan, step: PlannedStep) -> dict[str, Resolution]:
    return resolve_all(plan.candidates, step_context(plan, step))


def _used(name: str, resolution: Resolution) -> UsedValue | None:
    winner = resolution.winner
    if winner is None:
        return None
    sentences = (one.sentence for one in resolution.verdicts if one.outcome is Outcome.USED)
    reason = next(sentences, "").removeprefix("Used. ")
    return UsedValue(name=name, type=winner.type, shown=winner.shown, reason=reason)


def _at(value: UsedValue, steps: list[int]) -> UsedValue:
    return UsedValue(value.name, value.type, value.shown, value.reason, tuple(steps))
