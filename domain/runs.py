"""The state machine of a run: `decide(run, event)` gives the next state and what has to be done.

Pure: the engine loads a run, asks, stores the answer, and carries out the effects. An event that
does not fit the state (a duplicate, one that comes late) changes nothing, so every event may be
delivered more than once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class RunStatus(StrEnum):
    """Octopus's task states."""

    QUEUED = "Queued"
    EXECUTING = "Executing"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    FAILED = "Failed"
    CANCELED = "Canceled"


class StepStatus(StrEnum):
    PENDING = "Pending"
    WAITING = "Waiting"
    RUNNING = "Running"
    SUCCESS = "Success"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    CANCELED = "Canceled"
    UNKNOWN = "Unknown"


_ENDED = frozenset(
    {StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELED, StepStatus.UNKNOWN}
)
_BAD = frozenset({StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run; `number` is its place in the plan, from 1."""

    number: int
    name: str
    status: StepStatus = StepStatus.PENDING


@dataclass(frozen=True, slots=True)
class Run:
    status: RunStatus
    steps: tuple[Step, ...]

    def step(self, number: int) -> Step:
        """Raises KeyError for a number that the run does not have."""
        for step in self.steps:
            if step.number == number:
                return step
        raise KeyError(number)

    def with_step(self, number: int, status: StepStatus) -> Run:
        steps = tuple(replace(s, status=status) if s.number == number else s for s in self.steps)
        return replace(self, steps=steps)


# --- Events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admitted:
    """A node takes the run out of the queue."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A worker was found for a waiting step and the step assigned to it."""

    number: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The assignment is gone and provably never started: the step waits for a worker again."""

    number: int


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step ended as SUCCESS, FAILED, CANCELED or UNKNOWN; `message` says why if it went wrong."""

    number: int
    status: StepStatus
    message: str = ""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    by: str


Event = Admitted | Placed | Withdrawn | StepEnded | CancelRequested


# --- Effects ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindWorker:
    number: int


@dataclass(frozen=True, slots=True)
class StopStep:
    """Ask the worker to stop the step's script."""

    number: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The run is over; `message` is empty unless it went wrong."""

    message: str = ""


Effect = FindWorker | StopStep | Complete


@dataclass(frozen=True, slots=True)
class Decision:
    run: Run
    effects: tuple[Effect, ...] = ()


def decide(run: Run, event: Event) -> Decision:
    """The next state of a run after an event, and the effects to carry out, in order."""
    match event:
        case Admitted():
            return _admitted(run)
        case Placed(number):
            return _moved(run, number, StepStatus.WAITING, StepStatus.RUNNING)
        case Withdrawn(number):
            return _withdrawn(run, number)
        case StepEnded():
            return _step_ended(run, event)
        case CancelRequested(by):
            return _cancel_requested(run, by)


def _admitted(run: Run) -> Decision:
    if run.status is not RunStatus.QUEUED:
        return Decision(run)
    return _go_on(replace(run, status=RunStatus.EXECUTING))


def _moved(run: Run, number: int, before: StepStatus, after: StepStatus) -> Decision:
    if run.step(number).status is not before:
        return Decision(run)
    return Decision(run.with_step(number, after))


def _withdrawn(run: Run, number: int) -> Decision:
    if run.step(number).status is not StepStatus.RUNNING:
        return Decision(run)
    if run.status is RunStatus.CANCELLING:
        return _step_ended(run, StepEnded(number, StepStatus.CANCELED))
    return Decision(run.with_step(number, StepStatus.WAITING), (FindWorker(number),))


def _step_ended(run: Run, event: StepEnded) -> Decision:
    if run.step(event.number).status is not StepStatus.RUNNING:
        return Decision(run)
    run = run.with_step(event.number, event.status)
    if run.status is RunStatus.CANCELLING:
        return _finish_cancel(run)
    return _go_on(run, message=event.message)


def _go_on(run: Run, *, message: str = "") -> Decision:
    """The next step, unless one runs; after a failure the remaining steps are skipped."""
    if any(step.status in _BAD for step in run.steps):
        run = _close(run, StepStatus.SKIPPED)
        return Decision(replace(run, status=RunStatus.FAILED), (Complete(message),))
    following = next((step for step in run.steps if step.status not in _ENDED), None)
    if following is None:
        return Decision(replace(run, status=RunStatus.SUCCESS), (Complete(),))
    if following.status is not StepStatus.PENDING:
        return Decision(run)
    run = run.with_step(following.number, StepStatus.WAITING)
    return Decision(run, (FindWorker(following.number),))


def _cancel_requested(run: Run, by: str) -> Decision:
    if run.status not in (RunStatus.QUEUED, RunStatus.EXECUTING):
        return Decision(run)
    run = replace(run, status=RunStatus.CANCELLING)
    running = [step for step in run.steps if step.status is StepStatus.RUNNING]
    if running:
        return Decision(run, tuple(StopStep(step.number) for step in running))
    return _finish_cancel(run, message=f"Cancelled by {by}.")


def _finish_cancel(run: Run, *, message: str = "") -> Decision:
    if any(step.status is StepStatus.RUNNING for step in run.steps):
        return Decision(run)
    run = _close(run, StepStatus.CANCELED)
    return Decision(replace(run, status=RunStatus.CANCELED), (Complete(message),))


def _close(run: Run, status: StepStatus) -> Run:
    steps = tuple(s if s.status in _ENDED else replace(s, status=status) for s in run.steps)
    return replace(run, steps=steps)
