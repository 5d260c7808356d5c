"""What drives the engine: somebody must run its jobs soon after they are asked for, and sweep."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from django.db import transaction


class Job(StrEnum):
    """Names of the job functions in `tasks.engine.jobs`. Each looks at the rows itself, so asking
    twice is asking once, and an ask that got lost is made good by the next sweep."""

    ADMIT = "admit"
    PLACE = "place"
    SWEEP = "sweep"


class Driver(Protocol):
    def request(self, job: Job) -> None:
        """Run the job soon, on some node. From any thread."""


class NoDriver:
    """In a process without an engine, such as a command: the engine's own sweep finds the rows."""

    def request(self, job: Job) -> None:
        return


_current: Driver = NoDriver()


def use(driver: Driver) -> None:
    global _current
    _current = driver


def request(job: Job) -> None:
    """Run the job once the current transaction has committed."""
    transaction.on_commit(lambda: _current.request(job))


def is_running() -> bool:
    """Whether this process has an engine."""
    return not isinstance(_current, NoDriver)


def place_soon() -> None:
    """A worker has more room than before: steps that wait may go on."""
    request(Job.PLACE)
