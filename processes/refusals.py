"""What higher apps do not allow in a step: asked when one is saved, whoever saves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from processes.models import Process
from processes.services.steps import StepFields


class StepRefused(ValueError):
    """The text says why, to a person; `field` is the name of the form's field that it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


Check = Callable[[Process, StepFields], Iterable[tuple[str, str]]]
"""Gives (field, reason) for each objection."""

_checks: list[Check] = []


def register(check: Check) -> None:
    """Called in an AppConfig's `ready`."""
    if check not in _checks:
        _checks.append(check)


def refuse(process: Process, fields: StepFields) -> None:
    """Raises StepRefused where anything stands against the step."""
    for check in _checks:
        for field, message in check(process, fields):
            raise StepRefused(field, message)
