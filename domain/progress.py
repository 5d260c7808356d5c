"""What a step can know of the steps before it, and whether its condition is true then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain import octostache
from domain.units import BAD, StepStatus

ERROR = "Octopus.Deployment.Error"
_CODES = {
    StepStatus.PENDING: "Pending",
    StepStatus.SUCCESS: "Succeeded",
    StepStatus.FAILED: "Failed",
    StepStatus.IGNORED: "Failed",
    StepStatus.SKIPPED: "Skipped",
    StepStatus.CANCELED: "Canceled",
    StepStatus.UNKNOWN: "Abandoned",
}
"""Octopus's words; whatever is at work is Running."""
_FROM_WORST = ("Failed", "Abandoned", "Canceled", "Running", "Pending", "Succeeded", "Skipped")
_FALSE = frozenset({"", "false", "no", "0"})


@dataclass(frozen=True, slots=True)
class Passed:
    """A unit of a run as it is now; `message` says what went wrong."""

    step: str
    status: StepStatus
    message: str = ""


def progress_variables(passed: Iterable[Passed]) -> dict[str, str]:
    """Octopus's variables about steps by name; of one that runs on several targets, the worst. The error is
    the first one, and has no value where nothing failed."""
    codes: dict[str, str] = {}
    errors: list[str] = []
    for one in passed:
        code = _CODES.get(one.status, "Running")
        codes[one.step] = min(code, codes.get(one.step, code), key=_FROM_WORST.index)
        if one.status in BAD:
            errors.append(one.message or f"{one.step} failed.")
    found = {ERROR: errors[0]} if errors else {}
    for step, code in codes.items():
        found[f"Octopus.Step[{step}].Status.Code"] = code
        found[f"Octopus.Action[{step}].IsSkipped"] = str(code == "Skipped")
    return found


def is_true(expression: str, values: Mapping[str, str]) -> bool:
    """Octopus's truth: false are nothing, False, No, 0, and what refers to something that has no value.
    Raises octostache.TemplateError."""
    text = octostache.evaluate(expression, values).strip()
    return text.casefold() not in _FALSE and "#{" not in text
