"""What a step declares about itself: when it runs and is tried again, how long it may take, who decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LONGEST_PAUSE = 86_400
"""Seconds between two tries, however often the pause has doubled."""


class Settle(StrEnum):
    """What becomes of an attempt whose outcome is unknown: a person is asked, the step runs again (it
    may run twice), or it counts as failed."""

    ASK = "ask"
    RERUN = "rerun"
    NEVER = "never"


class Condition(StrEnum):
    """When a step runs, in Octopus's words: while nothing before it failed, only if something did, in any
    case, or if an expression is true."""

    SUCCESS = "Success"
    FAILURE = "Failure"
    ALWAYS = "Always"
    VARIABLE = "Variable"


class Start(StrEnum):
    """When a step's turn comes, in Octopus's words."""

    AFTER_PREVIOUS = "StartAfterPrevious"
    WITH_PREVIOUS = "StartWithPrevious"


class Backoff(StrEnum):
    """How the pause between tries grows: not at all, or twice as long each time."""

    CONSTANT = "Constant"
    EXPONENTIAL = "Exponential"


class Executor(StrEnum):
    """Who carries a unit out."""

    WORKER = "worker"
    PERSON = "person"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class StepRules:
    """`retries` after the first try, `retry_after` seconds between tries, `time_limit` in minutes (0 for
    none) of each try. `retry_codes` are the exit codes after which it is tried again, all if empty.
    `manual`: a person decides instead of a worker. `server`: the server itself does it. `required`: nobody
    may leave it out. `gate` is the condition of the step that a child step belongs to, which decides whether
    its children run at all; None for a step that is no child."""

    retries: int = 0
    retry_after: int = 0
    time_limit: int = 0
    manual: bool = False
    settle: Settle = Settle.ASK
    condition: Condition = Condition.SUCCESS
    backoff: Backoff = Backoff.CONSTANT
    retry_codes: tuple[int, ...] = ()
    required: bool = False
    gate: Condition | None = None
    server: bool = False

    @property
    def executor(self) -> Executor:
        if self.server:
            return Executor.SERVER
        return Executor.PERSON if self.manual else Executor.WORKER

    def tries_again(self, failures: int, exit_code: int | None) -> bool:
        """Whether it is tried once more after so many failures, the last of them with this exit code; None
        where it did not end by itself."""
        counts = not self.retry_codes or exit_code in self.retry_codes
        return counts and failures <= self.retries

    def pause_after(self, failures: int) -> int:
        """Seconds to wait after so many failures, from 1."""
        if self.backoff is Backoff.CONSTANT:
            return self.retry_after
        return int(min(self.retry_after * 2 ** (failures - 1), LONGEST_PAUSE))

    def to_json(self) -> dict[str, Any]:
        """Only what is not the default."""
        default = StepRules()
        return {
            name: value for name in self.__slots__ if (value := getattr(self, name)) != getattr(default, name)
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepRules:
        """As `to_json` gives it. Raises TypeError or ValueError for anything else."""
        if not data:
            return DEFAULT
        return cls(**{name: _READ[name](value) if name in _READ else value for name, value in data.items()})


_READ: dict[str, Any] = {
    "settle": Settle,
    "condition": Condition,
    "gate": Condition,
    "backoff": Backoff,
    "retry_codes": tuple,
}
"""What JSON has no type for."""

DEFAULT = StepRules()
