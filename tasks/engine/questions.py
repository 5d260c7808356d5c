"""The questions that runs put to people: opened and closed with the state of their step."""

from __future__ import annotations

from datetime import datetime

from domain import runs
from domain.runs import Question
from tasks.engine import script
from tasks.models import Interruption


def open_in(task_id: int) -> dict[int, Question]:
    """What the steps of a run ask, by execution id."""
    rows = Interruption.objects.filter(task=task_id, closed_at__isnull=True)
    return {id: Question(kind) for id, kind in rows.values_list("execution_id", "kind")}


def ask(task_id: int, execution_id: int, asked: runs.Ask, step: runs.Step, *, now: datetime) -> None:
    """Opens a question; a manual intervention asks with the instructions of its step."""
    is_manual = asked.question is Question.MANUAL
    Interruption.objects.create(
        task_id=task_id,
        execution_id=execution_id,
        kind=asked.question.value,
        text=script.instructions(task_id, step.number, step.at) if is_manual else asked.text,
        choices=[answer.value for answer in runs.choices(asked.question, required=step.rules.required)],
        opened_at=now,
    )


def close(execution_id: int, *, now: datetime) -> None:
    """The step no longer waits for an answer, whether it got one or not."""
    Interruption.objects.filter(execution=execution_id, closed_at__isnull=True).update(closed_at=now)
