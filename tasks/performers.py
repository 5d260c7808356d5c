"""What the server itself does for steps: the apps that can do it register here how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.plans import PlannedStep
from domain.runs import StepStatus
from domain.step_types.base import Fill
from protocol.frames import OutputValue
from protocol.log import Level
from tasks.models import ServerTask


class Refused(Exception):
    """The step cannot be done; nothing was, and the text says why."""


@dataclass(frozen=True)
class Order:
    """A step that the server is to do now. `attempt_id` is that of this try; `fill` puts values, secret ones
    too, into a text, and `secrets` are those that may not be shown."""

    task: ServerTask
    step: PlannedStep
    attempt_id: UUID
    fill: Fill
    secrets: Sequence[str] = ()

    @property
    def properties(self) -> Mapping[str, str]:
        return self.step.properties


@dataclass(frozen=True)
class Ended:
    """How it ended: SUCCESS, FAILED, CANCELED or UNKNOWN. `notes` go into the story of the run."""

    status: StepStatus
    message: str = ""
    notes: Sequence[tuple[str, Level]] = ()
    outputs: Sequence[OutputValue] = ()
    has_warnings: bool = False


@dataclass(frozen=True)
class Started:
    """It started a task, for whose end the step waits or does not."""

    task: ServerTask
    is_awaited: bool
    outputs: Sequence[OutputValue] = ()


@dataclass(frozen=True)
class Outside:
    """It has to be done outside of the database, and once: `do` is called after the commit that says that it
    was begun, on a thread of its own. Where the server dies over it, nobody knows how it ended."""

    do: Callable[[], Ended] = field(repr=False)


Performer = Callable[[Order, datetime], Ended | Started | Outside]
"""Called in a transaction that is rolled back where it raises, and in which the run is held only after it.
Raises `Refused`."""

_performers: dict[str, Performer] = {}


def register(action_type: str, performer: Performer) -> None:
    """Called in an AppConfig's `ready`."""
    _performers[action_type] = performer


def find(action_type: str) -> Performer | None:
    return _performers.get(action_type)
