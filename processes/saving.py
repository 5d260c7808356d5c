"""What only the whole of a space can tell to be wrong with a process that is about to be saved."""

from __future__ import annotations

from collections.abc import Callable

from processes.models import Process


class SaveRefused(Exception):
    """The process may not be saved like that; the message says why and what to do."""


Check = Callable[[Process], None]
"""Looks at a process as it would be saved. Raises `SaveRefused`."""

_checks: list[Check] = []


def register(check: Check) -> None:
    """Called in an AppConfig's `ready`."""
    if check not in _checks:
        _checks.append(check)


def check(process: Process) -> None:
    """Raises `SaveRefused`."""
    for one in _checks:
        one(process)
