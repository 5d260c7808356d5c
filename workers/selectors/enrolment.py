"""How far an agent has come since somebody pasted its line, for the page that waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.labels import counted
from workers.models import EnrolmentCode, Machine
from workers.selectors import capabilities


class Progress(StrEnum):
    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True)
class Stage:
    label: str
    progress: Progress
    at: datetime | None = None
    details: str = ""


@dataclass(frozen=True)
class Arrival:
    """`machine` is there once the code was accepted, and `is_complete` once it can take steps."""

    code: EnrolmentCode
    stages: Sequence[Stage]
    is_expired: bool

    @property
    def machine(self) -> Machine | None:
        return self.code.machine

    @property
    def is_complete(self) -> bool:
        return all(stage.progress is Progress.DONE for stage in self.stages)


def arrival(code: EnrolmentCode, *, now: datetime) -> Arrival:
    is_expired = code.used_at is None and code.expires_at <= now
    return Arrival(code=code, stages=_stages(code, is_expired=is_expired), is_expired=is_expired)


def _stages(code: EnrolmentCode, *, is_expired: bool) -> list[Stage]:
    connected_at = _connected_at(code)
    found = _found(code.machine) if code.machine and connected_at else ""
    reached: list[tuple[str, datetime | None, bool, str]] = [
        ("Program downloaded", code.fetched_at, bool(code.fetched_at or code.used_at), ""),
        ("Code accepted, key registered", code.used_at, code.used_at is not None, _name(code.machine)),
        ("Connected", connected_at, connected_at is not None, ""),
        ("Capabilities read", connected_at, bool(found), found),
    ]
    stages: list[Stage] = []
    for label, at, is_done, details in reached:
        # The first one that is still to come is the one that is waited for.
        is_next = not is_done and all(stage.progress is Progress.DONE for stage in stages)
        waits = is_next and not is_expired
        progress = Progress.DONE if is_done else Progress.NOW if waits else Progress.LATER
        stages.append(Stage(label=label, progress=progress, at=at, details=details))
    return stages


def _connected_at(code: EnrolmentCode) -> datetime | None:
    machine = code.machine
    if machine is None or code.used_at is None or machine.connected_at is None:
        return None
    # A known agent that enrols anew may have been connected long before.
    return machine.connected_at if machine.connected_at >= code.used_at else None


def _name(machine: Machine | None) -> str:
    return f"as {machine.name}" if machine else ""


def _found(machine: Machine) -> str:
    known = capabilities.read(machine.capabilities)
    tools = counted(len(known.shells) + len(known.tools), "tool")
    return ", ".join(part for part in (known.system, tools) if part)
