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
    SERVE = "serve"
    SWEEP = "sweep"
    TIDY = "tidy"


class Driver(Protocol):
    """`has_engine` says whether somebody does the jobs: this process, or another node."""

    has_engine: bool

    def request(self, job: Job) -> None:
        """Run the job soon, on some node. From any thread."""


class NoDriver:
    """In a command beside an embedded engine: its own sweep finds the rows."""

    has_engine = False

    def request(self, job: Job) -> None:
        return


_current: Driver = NoDriver()


def use(driver: Driver) -> None:
    global _current
    _current = driver


def request(job: Job) -> None:
    """Run the job once the current transaction has committed."""
    transaction.on_commit(lambda: _current.request(job))


def current() -> Driver:
    return _current


def is_running() -> bool:
    """Whether there is an engine that moves runs on, as far as this process knows."""
    return _current.has_engine


def place_soon() -> None:
    """A worker has more room than before: steps that wait may go on."""
    request(Job.PLACE)
