"""What a run consists of: its units of work and their states, without the rules that move them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from domain.step_rules import DEFAULT, StepRules


class RunStatus(StrEnum):
    """Octopus's task states."""

    QUEUED = "Queued"
    EXECUTING = "Executing"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    FAILED = "Failed"
    CANCELED = "Canceled"
    TIMED_OUT = "TimedOut"


class StepStatus(StrEnum):
    """Waiting is for a worker, Retrying for a moment, Interrupted for a person."""

    PENDING = "Pending"
    WAITING = "Waiting"
    RUNNING = "Running"
    RETRYING = "Retrying"
    INTERRUPTED = "Interrupted"
    SUCCESS = "Success"
    FAILED = "Failed"
    IGNORED = "Ignored"
    SKIPPED = "Skipped"
    CANCELED = "Canceled"
    UNKNOWN = "Unknown"


class Question(StrEnum):
    """What a person is asked; the names of Octopus where it has them."""

    GUIDED_FAILURE = "GuidedFailure"
    SETTLE = "Settle"
    MANUAL = "ManualIntervention"


FINAL = frozenset({RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELED, RunStatus.TIMED_OUT})
ENDED = frozenset(
    {
        StepStatus.SUCCESS,
        StepStatus.FAILED,
        StepStatus.IGNORED,
        StepStatus.SKIPPED,
        StepStatus.CANCELED,
        StepStatus.UNKNOWN,
    }
)
BAD = frozenset({StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.CANCELED})
"""Ends that make a run fail."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit stands among the others of its run.

    A run is a row of *stages* that go one after the other. The *steps* of a stage go beside each other, at
    most `abreast` at once. The *lanes* of a step, one for each target, go beside each other, at most
    `window` at once. The units of a lane go one after the other. 0 of either is any number.

    Stage, step and lane are named by the number of their first unit: what has ended before a unit begins are
    the units below its stage, and those of its lane below itself.
    """

    stage: int
    step: int
    lane: int
    abreast: int = 0
    window: int = 0

    def to_json(self, number: int) -> dict[str, int]:
        """Of the unit of this number; only what is not as in a run that goes step by step."""
        plain = in_line(number)
        return {
            name: value for name in self.__slots__ if (value := getattr(self, name)) != getattr(plain, name)
        }

    @classmethod
    def from_json(cls, number: int, data: Mapping[str, Any]) -> Place:
        """As `to_json` gives it. Raises TypeError for anything else."""
        return replace(in_line(number), **data) if data else in_line(number)


def in_line(number: int) -> Place:
    """That of a unit which goes alone, after all before it."""
    return Place(stage=number, step=number, lane=number)


@dataclass(frozen=True, slots=True)
class Step:
    """A unit of a run: a step, or a step on one target. `number` is its place in the run, from 1.

    `failures` counts the tries of it that failed, and `question` is what a person is asked while it is
    interrupted. `message` is what a change of its state says: why it was skipped, what went wrong. `place`
    None stands for one that goes alone. `target` is the id of the deployment target that it is for, 0 for
    none, and `on_target` says that it runs there itself.
    """

    number: int
    name: str
    status: StepStatus = StepStatus.PENDING
    rules: StepRules = DEFAULT
    failures: int = 0
    question: Question | None = None
    message: str = ""
    place: Place | None = None
    target: int = 0
    on_target: bool = False

    @property
    def at(self) -> Place:
        return self.place or in_line(self.number)


@dataclass(frozen=True, slots=True)
class Run:
    """`guided`: a person is asked when a step fails. `timed_out`: it is being stopped because its time is
    up, and ends as that."""

    status: RunStatus
    steps: tuple[Step, ...]
    guided: bool = False
    timed_out: bool = False

    def step(self, number: int) -> Step:
        """Raises KeyError for a number that the run does not have."""
        for step in self.steps:
            if step.number == number:
                return step
        raise KeyError(number)

    def with_step(
        self, number: int, status: StepStatus, *, failures: int | None = None, message: str = ""
    ) -> Run:
        """The same run with a step in another state, which asks nothing."""

        def changed(step: Step) -> Step:
            if step.number != number:
                return step
            count = step.failures if failures is None else failures
            return replace(step, status=status, failures=count, question=None, message=message)

        return replace(self, steps=tuple(changed(step) for step in self.steps))

    @property
    def awaits_answer(self) -> bool:
        """Whether nothing of it can go on before a person has answered."""
        states = {step.status for step in self.steps}
        moving = {StepStatus.WAITING, StepStatus.RUNNING, StepStatus.RETRYING}
        return self.status is RunStatus.EXECUTING and StepStatus.INTERRUPTED in states and not states & moving
