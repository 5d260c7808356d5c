"""How one run is to behave: what its process's settings say, and what was wished for this run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.answers import Answers
from environments.models import Environment
from tasks.models import GuidedFailure, LockMode, Overlap, RunSettings, ServerTask


@dataclass(frozen=True)
class LockRequest:
    """A named lock that a run needs while it is active. Names are compared in lower case."""

    name: str
    mode: LockMode = LockMode.EXCLUSIVE


@dataclass(frozen=True)
class Resume:
    """Take over the results of an earlier run of the same up to, and without, a step number."""

    task: ServerTask
    step: int


@dataclass(frozen=True)
class Wishes:
    """What whoever starts a run asks for. `guided_failure` None means as the process says; `left_out` are
    the ids of actions that are not to run; `answers` are those to prompts, by the variable's name or id,
    and `earlier` ones stand where there is no new one."""

    start_at: datetime | None = None
    queue_timeout: timedelta | None = None
    is_prioritised: bool = False
    guided_failure: bool | None = None
    trigger_name: str = ""
    resume: Resume | None = None
    left_out: frozenset[str] = frozenset()
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    earlier: Answers = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RunOptions:
    """What a new task is created with. `queue_timeout` counts from when it could start."""

    start_at: datetime | None = None
    queue_timeout: timedelta | None = None
    is_prioritised: bool = False
    guided_failure: bool = False
    time_limit_minutes: int | None = None
    overlap: Overlap = Overlap.QUEUE
    max_concurrent: int = 1
    locks: tuple[LockRequest, ...] = ()
    trigger_name: str = ""
    resume: Resume | None = None


def options_for(settings: RunSettings, *, environment: Environment, wishes: Wishes) -> RunOptions:
    """The settings of a process, with what was wished for this run put over them."""
    minutes = settings.queue_timeout_minutes
    return RunOptions(
        start_at=wishes.start_at,
        queue_timeout=wishes.queue_timeout or (timedelta(minutes=minutes) if minutes else None),
        is_prioritised=wishes.is_prioritised,
        guided_failure=_guided(settings, environment, wishes),
        time_limit_minutes=settings.time_limit_minutes,
        overlap=Overlap(settings.overlap),
        max_concurrent=settings.max_concurrent,
        locks=tuple(LockRequest(one["name"], LockMode(one["mode"])) for one in settings.locks),
        trigger_name=wishes.trigger_name,
        resume=wishes.resume,
    )


def _guided(settings: RunSettings, environment: Environment, wishes: Wishes) -> bool:
    if wishes.guided_failure is not None:
        return wishes.guided_failure
    if settings.guided_failure == GuidedFailure.ENVIRONMENT:
        return environment.guided_failure
    return settings.guided_failure == GuidedFailure.ON
