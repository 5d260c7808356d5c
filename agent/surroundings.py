"""What the attempts of an agent have in common, and what each knows of its way to a shim."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Callable

from agent.launcher import Launcher
from agent.workspace import Workspace

#: Seconds after which a job that no shim has taken up is given up.
LAUNCH_SECONDS = 30.0
_MOST_LAUNCHES = 3


@dataclass(frozen=True)
class Limits:
    """Bytes of log that one script may have on the disk; seconds after which a cancelled one that
    cannot be killed is given up."""

    spool_bytes: int
    abandon_seconds: float


@dataclass(frozen=True)
class Surroundings:
    """What the attempts of an agent share. `in_thread` runs a function that waits for the disk."""

    workspace: Workspace
    launcher: Launcher
    boot_id: str
    limits: Limits
    in_thread: Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Launch:
    """How often and when the job was given to a zygote, and to which."""

    generation: int = 0
    count: int = 0
    time: float = 0.0

    @property
    def overdue(self) -> bool:
        waited = time.monotonic() - self.time > LAUNCH_SECONDS
        return bool(self.count) and (waited or self.count > _MOST_LAUNCHES)
