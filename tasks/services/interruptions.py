"""Takes people's answers to the questions of runs; what follows from them is the engine's."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import live
from domain import runs
from domain.runs import Answer
from tasks.engine import advance
from tasks.models import Execution, Interruption

#: Characters of the notes to an answer.
MAX_NOTES = 4000


class AlreadyAnswered(Exception):
    """Somebody was faster, or the run has ended; `interruption` says who and what."""

    def __init__(self, interruption: Interruption) -> None:
        super().__init__("This question has been answered already, or its run has ended.")
        self.interruption = interruption


class NotAChoice(ValueError):
    """The question cannot be answered like that."""


_WORDS = {
    Answer.FAIL: "let the failure stand",
    Answer.RETRY: "had it run again",
    Answer.IGNORE: "ignored the failure",
    Answer.EXCLUDE: "excluded the worker and had it run on another one",
    Answer.SUCCEEDED: "settled that it succeeded",
    Answer.FAILED: "settled that it failed",
    Answer.PROCEED: "let the run proceed",
    Answer.ABORT: "aborted the run",
}


def take(interruption: Interruption, *, user: User) -> None:
    """Says that this person sees to it. Raises `AlreadyAnswered`."""
    rows = Interruption.objects.filter(pk=interruption.pk, closed_at__isnull=True)
    if not rows.update(taken_by=user):
        raise AlreadyAnswered(Interruption.objects.get(pk=interruption.pk))
    _record(interruption, user, f"Took on {_named(interruption)}.")
    live.nudge(interruption.task.space_id, f"task-{interruption.task_id}")


def answer(interruption: Interruption, *, answer: Answer, notes: str, user: User, now: datetime) -> None:
    """Answers a question, once. Raises `AlreadyAnswered` or `NotAChoice`."""
    if answer.value not in interruption.choices:
        raise NotAChoice(f"{answer.value} is not an answer to this question.")
    name, notes = str(user), notes.strip()[:MAX_NOTES]
    with transaction.atomic():
        # The run first: that is the order in which the engine holds them.
        locked = advance.lock(interruption.task_id)
        rows = Interruption.objects.filter(pk=interruption.pk, closed_at__isnull=True)
        taken = rows.update(
            answer=answer.value, notes=notes, answered_by=user, answered_by_name=name, closed_at=now
        )
        if not taken:
            raise AlreadyAnswered(Interruption.objects.get(pk=interruption.pk))
        said = f"{name} {_words(answer, interruption.execution)}" + (f": {notes}" if notes else ".")
        number = interruption.execution.number
        advance.note(interruption.task_id, said, number=number, now=now)
        advance.go_on(locked, runs.Answered(number, answer, said), now=now)
        _record(interruption, user, f"Answered {answer.value} to {_named(interruption)}.")


def _words(answer: Answer, step: Execution) -> str:
    if answer is Answer.EXCLUDE and step.runs_on_target:
        return f"excluded {step.target_name} from the rest of the run"
    return _WORDS[answer]


def _named(interruption: Interruption) -> str:
    kind = interruption.get_kind_display().lower()
    return f"the {kind} of {interruption.execution.name} in {interruption.task}"


def _record(interruption: Interruption, user: User, message: str) -> None:
    task = interruption.task
    events.record(user=user, category="Modified", subject=task, space=task.space, message=message)
