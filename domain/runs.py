"""The state machine of a run: `decide(run, event)` gives the next state and what has to be done.

Pure: the engine loads a run, asks, stores the answer, and carries out the effects. An event that
does not fit the state (a duplicate, one that comes late) changes nothing, so every event may be
delivered more than once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.flow import Judge, no_expressions, take_turns
from domain.step_rules import Settle
from domain.units import BAD, ENDED, FINAL, Place, Question, Run, RunStatus, Step, StepStatus

__all__ = [
    "BAD",
    "ENDED",
    "FINAL",
    "Admitted",
    "Answer",
    "Answered",
    "Ask",
    "CancelRequested",
    "Complete",
    "Decision",
    "Effect",
    "Event",
    "ExcludeWorker",
    "Expired",
    "FindWorker",
    "Place",
    "Placed",
    "Question",
    "RetryDue",
    "RetryLater",
    "Run",
    "RunStatus",
    "RunTimeUp",
    "Step",
    "StepEnded",
    "StepStatus",
    "StopStep",
    "TimeUp",
    "Withdrawn",
    "choices",
    "decide",
]


class Answer(StrEnum):
    """What a person may answer, see `choices`."""

    FAIL = "Fail"
    RETRY = "Retry"
    IGNORE = "Ignore"
    EXCLUDE = "Exclude"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    PROCEED = "Proceed"
    ABORT = "Abort"


# --- Events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admitted:
    """A node takes the run out of the queue."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The run has been queued for longer than it may; `message` says so."""

    message: str


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
    """A step ended as SUCCESS, FAILED, CANCELED or UNKNOWN; `message` says why if it went wrong.
    `exit_code` is None where its script did not end by itself."""

    number: int
    status: StepStatus
    message: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The pause before the next try of a step is over."""

    number: int


@dataclass(frozen=True, slots=True)
class TimeUp:
    """A running step has used up its time."""

    number: int


@dataclass(frozen=True, slots=True)
class RunTimeUp:
    """The run has used up its time; `message` says so."""

    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A person has answered what a step asked; `message` says who and what, for the step's record."""

    number: int
    answer: Answer
    message: str = ""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    by: str


Event = (
    Admitted
    | Expired
    | Placed
    | Withdrawn
    | StepEnded
    | RetryDue
    | TimeUp
    | RunTimeUp
    | Answered
    | CancelRequested
)


# --- Effects ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindWorker:
    number: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Try the step again after so many seconds."""

    number: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask people; `text` is the failure or the evidence, empty for a manual intervention."""

    number: int
    question: Question
    text: str = ""


@dataclass(frozen=True, slots=True)
class StopStep:
    """Ask the worker to stop the step's script."""

    number: int
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class ExcludeWorker:
    """The worker on which the step failed takes no more steps of this run."""

    number: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The run is over; `message` says what went wrong, if that was now."""

    message: str = ""


Effect = FindWorker | RetryLater | Ask | StopStep | ExcludeWorker | Complete


@dataclass(frozen=True, slots=True)
class Decision:
    run: Run
    effects: tuple[Effect, ...] = ()


def choices(question: Question, *, required: bool = False) -> tuple[Answer, ...]:
    """What may be answered to a question; the failure of a required step cannot be passed over."""
    match question:
        case Question.GUIDED_FAILURE if required:
            return (Answer.FAIL, Answer.RETRY)
        case Question.GUIDED_FAILURE:
            return (Answer.FAIL, Answer.RETRY, Answer.IGNORE, Answer.EXCLUDE)
        case Question.SETTLE:
            return (Answer.SUCCEEDED, Answer.FAILED, Answer.RETRY)
        case Question.MANUAL:
            return (Answer.PROCEED, Answer.ABORT)


def decide(run: Run, event: Event, judge: Judge = no_expressions) -> Decision:
    """The next state of a run after an event, and the effects to carry out, in order. `judge` is asked
    about the conditions of steps whose turn it is, where they are expressions."""
    if run.status in FINAL:
        return Decision(run)
    decision = _decided(run, event)
    if decision.run.status is not RunStatus.EXECUTING or decision.run == run:
        return decision
    return _go_on(decision, judge)


def _decided(run: Run, event: Event) -> Decision:
    """What the event means for its own step, or for the run, before others get their turn."""
    match event:
        case Placed(number):
            return _moved(run, number, StepStatus.WAITING, StepStatus.RUNNING)
        case Withdrawn(number):
            return _withdrawn(run, number)
        case StepEnded():
            return _step_ended(run, event)
        case RetryDue(number):
            return _again(run, number) if run.step(number).status is StepStatus.RETRYING else Decision(run)
        case TimeUp(number):
            return _time_up(run, number)
        case Answered():
            return _answered(run, event)
    return _of_the_whole(run, event)


def _of_the_whole(run: Run, event: Event) -> Decision:
    match event:
        case Admitted() if run.status is RunStatus.QUEUED:
            return Decision(replace(run, status=RunStatus.EXECUTING))
        case Expired(message) if run.status is RunStatus.QUEUED:
            return _stop(replace(run, timed_out=True), message=message)
        case RunTimeUp(message) if run.status is RunStatus.EXECUTING:
            return _stop(replace(run, timed_out=True), message=message)
        case CancelRequested(by) if run.status in (RunStatus.QUEUED, RunStatus.EXECUTING):
            return _stop(run, message=f"Cancelled by {by}.")
    return Decision(run)


def _go_on(decision: Decision, judge: Judge) -> Decision:
    """Gives others their turn; the run ends when nothing is left to do."""
    run, begun = take_turns(decision.run, judge)
    effects = (*decision.effects, *(_first_effect(step) for step in begun))
    if any(step.status not in ENDED for step in run.steps):
        return Decision(run, effects)
    failed = next((step for step in run.steps if step.status in BAD), None)
    run = replace(run, status=RunStatus.FAILED if failed else RunStatus.SUCCESS)
    return Decision(run, (*effects, Complete(failed.message if failed else "")))


def _first_effect(step: Step) -> Effect:
    return Ask(step.number, step.question) if step.question else FindWorker(step.number)


def _moved(run: Run, number: int, before: StepStatus, after: StepStatus) -> Decision:
    if run.step(number).status is not before:
        return Decision(run)
    return Decision(run.with_step(number, after))


def _again(run: Run, number: int) -> Decision:
    return Decision(run.with_step(number, StepStatus.WAITING), (FindWorker(number),))


def _withdrawn(run: Run, number: int) -> Decision:
    if run.step(number).status is not StepStatus.RUNNING:
        return Decision(run)
    if run.status is RunStatus.CANCELLING:
        return _stopped(run.with_step(number, StepStatus.CANCELED))
    return _again(run, number)


def _step_ended(run: Run, event: StepEnded) -> Decision:
    step = run.step(event.number)
    if step.status is not StepStatus.RUNNING:
        return Decision(run)
    if run.status is RunStatus.CANCELLING:
        return _stopped(run.with_step(event.number, event.status, message=event.message))
    if event.status is StepStatus.FAILED:
        return _failed(run, step, event)
    if event.status is StepStatus.UNKNOWN:
        return _unknown(run, step, event.message)
    return Decision(run.with_step(event.number, event.status, message=event.message))


def _failed(run: Run, step: Step, event: StepEnded) -> Decision:
    """Tried again as the step allows; then a person is asked, in a guided run; then it is final."""
    failures, message = step.failures + 1, event.message
    if step.rules.tries_again(failures, event.exit_code):
        pause = step.rules.pause_after(failures)
        status = StepStatus.RETRYING if pause else StepStatus.WAITING
        run = run.with_step(step.number, status, failures=failures, message=message)
        return Decision(run, (RetryLater(step.number, pause) if pause else FindWorker(step.number),))
    if run.guided:
        run = run.with_step(step.number, StepStatus.INTERRUPTED, failures=failures)
        return _ask(run, step.number, Question.GUIDED_FAILURE, message)
    return Decision(run.with_step(step.number, StepStatus.FAILED, failures=failures, message=message))


def _unknown(run: Run, step: Step, evidence: str) -> Decision:
    """Never run again by itself, unless the step declares that it may."""
    match step.rules.settle:
        case Settle.RERUN:
            return _again(run, step.number)
        case Settle.NEVER:
            return Decision(run.with_step(step.number, StepStatus.UNKNOWN, message=evidence))
    return _ask(run, step.number, Question.SETTLE, evidence)


def _ask(run: Run, number: int, question: Question, text: str) -> Decision:
    run = run.with_step(number, StepStatus.INTERRUPTED, message=text)
    asking = (replace(step, question=question) if step.number == number else step for step in run.steps)
    return Decision(replace(run, steps=tuple(asking)), (Ask(number, question, text),))


def _answered(run: Run, event: Answered) -> Decision:
    step = run.step(event.number)
    asked = step.status is StepStatus.INTERRUPTED and step.question
    if not asked or event.answer not in choices(asked, required=step.rules.required):
        return Decision(run)
    match event.answer:
        case Answer.RETRY:
            return _again(run, step.number)
        case Answer.EXCLUDE if step.on_target:
            return Decision(_without_target(run, step, event.message))
        case Answer.EXCLUDE:
            decision = _again(run, step.number)
            return replace(decision, effects=(ExcludeWorker(step.number), *decision.effects))
        case Answer.IGNORE:
            status = StepStatus.IGNORED
        case Answer.PROCEED | Answer.SUCCEEDED:
            status = StepStatus.SUCCESS
        case _:
            status = StepStatus.FAILED
    return Decision(run.with_step(step.number, status, message=event.message))


def _without_target(run: Run, failed: Step, said: str) -> Run:
    """The run goes on for the other targets: there is no other machine to try such a step on."""
    run = run.with_step(failed.number, StepStatus.IGNORED, message=said)
    stays = ENDED | {StepStatus.RUNNING}

    def left_out(step: Step) -> Step:
        if step.target != failed.target or step.status in stays:
            return step
        return replace(step, status=StepStatus.SKIPPED, question=None, message=TARGET_EXCLUDED)

    return replace(run, steps=tuple(left_out(step) for step in run.steps))


TARGET_EXCLUDED = "Not run, because its target was excluded from this run after a failure."


def _time_up(run: Run, number: int) -> Decision:
    if run.status is not RunStatus.EXECUTING or run.step(number).status is not StepStatus.RUNNING:
        return Decision(run)
    return Decision(run, (StopStep(number, timed_out=True),))


def _stop(run: Run, *, message: str) -> Decision:
    """Ends a run before its time. What does not run ends at once, so that nothing starts any more; the run
    ends when what runs has stopped."""

    def closed(step: Step) -> Step:
        if step.status in ENDED or step.status is StepStatus.RUNNING:
            return step
        return replace(step, status=StepStatus.CANCELED, question=None, message="")

    run = replace(run, status=RunStatus.CANCELLING, steps=tuple(closed(step) for step in run.steps))
    stops = tuple(StopStep(step.number) for step in run.steps if step.status is StepStatus.RUNNING)
    return Decision(run, stops) if stops else _stopped(run, message=message)


def _stopped(run: Run, *, message: str = "") -> Decision:
    if any(step.status is StepStatus.RUNNING for step in run.steps):
        return Decision(run)
    status = RunStatus.TIMED_OUT if run.timed_out else RunStatus.CANCELED
    return Decision(replace(run, status=status), (Complete(message),))
