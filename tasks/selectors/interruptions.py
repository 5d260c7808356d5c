"""The questions of a run: those that are open, and what was answered to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.runs import Answer
from tasks.models import Interruption, InterruptionKind, ServerTask


@dataclass(frozen=True)
class Option:
    """An answer to press: its verb, and what follows from it. `confirm` is asked once more."""

    value: str
    verb: str
    consequence: str
    icon: str
    css: str = ""
    confirm: str = ""


@dataclass(frozen=True)
class OpenQuestion:
    """A question as the page of its task asks it. `lead` says what happened, `text` is what the failure,
    the evidence or the instructions say, line by line."""

    interruption: Interruption
    title: str
    lead: str
    options: Sequence[Option]

    @property
    def is_manual(self) -> bool:
        return self.interruption.kind == InterruptionKind.MANUAL


@dataclass(frozen=True)
class Answered:
    """`words` is the verb that was pressed; empty where the run ended without an answer."""

    interruption: Interruption
    words: str


_FAIL = "The run ends as failed. The steps after this one are skipped."
_OPTIONS: dict[InterruptionKind, dict[Answer, Option]] = {
    InterruptionKind.GUIDED_FAILURE: {
        Answer.RETRY: Option(
            "Retry", "Retry", "The step runs again, on any worker of its pool.", "rotate-cw"
        ),
        Answer.EXCLUDE: Option(
            "Exclude",
            "Retry on another worker",
            "The step runs again. {worker} takes no more steps of this run.",
            "split",
        ),
        Answer.IGNORE: Option(
            "Ignore", "Ignore", "The step stays marked as failed, and the next one starts.", "circle-slash"
        ),
        Answer.FAIL: Option("Fail", "Fail", _FAIL, "octagon-x", "danger"),
    },
    InterruptionKind.SETTLE: {
        Answer.SUCCEEDED: Option(
            "Succeeded", "It succeeded", "It counts as done, and the next step starts.", "circle-check"
        ),
        Answer.FAILED: Option("Failed", "It failed", _FAIL, "circle-x"),
        Answer.RETRY: Option(
            "Retry",
            "Run it again",
            "The script runs once more from its beginning, whatever it has done already.",
            "rotate-cw",
            "danger",
            "Nobody knows what the script has done. If it is still running somewhere, it then runs twice.",
        ),
    },
    InterruptionKind.MANUAL: {
        Answer.PROCEED: Option("Proceed", "Proceed", "The next step starts.", "play", "primary"),
        Answer.ABORT: Option("Abort", "Abort", _FAIL, "octagon-x", "danger"),
    },
}
#: Where the machine is given by what the step is for.
_ON_TARGET = {
    Answer.RETRY: Option("Retry", "Retry", "The step runs again, on {worker}.", "rotate-cw"),
    Answer.EXCLUDE: Option(
        "Exclude",
        "Exclude this target",
        "{worker} takes no more part in this run. It goes on for the other targets.",
        "circle-slash",
    ),
}
_VERBS = {
    (kind.value, option.value): option.verb
    for kind, options in _OPTIONS.items()
    for option in options.values()
}


def open_questions(task: ServerTask) -> list[OpenQuestion]:
    found = task.interruptions.filter(closed_at__isnull=True)
    return [_question(one) for one in found.select_related("execution", "taken_by")]


def _question(one: Interruption) -> OpenQuestion:
    step = one.execution
    worker = step.machine_name or "The worker"
    where = f" on {step.machine_name}" if step.machine_name else ""
    title, lead = {
        InterruptionKind.GUIDED_FAILURE: (f"{step} failed{where}. What now?", ""),
        InterruptionKind.SETTLE: (
            f"How did {step} end{where}?",
            f"{worker} cannot tell. Look at what the script did there before you answer.",
        ),
        InterruptionKind.MANUAL: (str(step), "The run waits for a person."),
    }[InterruptionKind(one.kind)]
    options = _options(one)
    return OpenQuestion(
        interruption=one,
        title=title,
        lead=lead,
        options=[
            _filled(option, worker) for answer, option in options.items() if answer.value in one.choices
        ],
    )


def _options(one: Interruption) -> dict[Answer, Option]:
    found = _OPTIONS[InterruptionKind(one.kind)]
    if not one.execution.runs_on_target:
        return found
    return {**found, **{answer: option for answer, option in _ON_TARGET.items() if answer in found}}


def _filled(option: Option, worker: str) -> Option:
    return Option(
        value=option.value,
        verb=option.verb,
        consequence=option.consequence.format(worker=worker),
        icon=option.icon,
        css=option.css,
        confirm=option.confirm,
    )


def answered(task: ServerTask) -> list[Answered]:
    """The closed questions, in the order in which they were asked."""
    found = task.interruptions.filter(closed_at__isnull=False).select_related("execution")
    return [Answered(one, verb(one)) for one in found]


def answers_of(task: ServerTask) -> dict[int, str]:
    """The last answer to each step, by execution id: "Proceed, by otto"."""
    found = task.interruptions.exclude(answer="").select_related("execution").order_by("id")
    return {one.execution_id: f"{verb(one)}, by {one.answered_by_name}" for one in found}


def verb(one: Interruption) -> str:
    """The answer as its button said it."""
    if one.answer == Answer.EXCLUDE and one.execution.runs_on_target:
        return _ON_TARGET[Answer.EXCLUDE].verb
    return _VERBS.get((one.kind, one.answer), one.answer)
