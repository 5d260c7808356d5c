"""What the clock brings about: the next try of a step, the end of its time, the end of a run's time."""

from __future__ import annotations

from datetime import datetime

from common.prepared import Param, Rows
from domain import runs
from domain.runs import RunStatus, StepStatus
from tasks.engine.advance import advance
from tasks.engine.notes import note
from tasks.models import Execution, ServerTask

_steps = Rows(
    lambda: Execution.objects.filter(wake_at__lte=Param("now")).values_list(
        "pk", "task_id", "number", "state"
    )
)
_late = Rows(
    # By the time alone: SQLite would rather look at all that run, and thousands may wait for a person.
    lambda: (
        ServerTask.objects.filter(wake_at__lte=Param("now"))
        .order_by("wake_at")
        .values_list("pk", "state", "time_limit_minutes")
    )
)


def run(*, now: datetime) -> None:
    """Everything that is due by now, each in a transaction of its own."""
    for pk, task_id, number, state in _steps(now=now):
        # First, so that an event that no longer fits is not asked for again and again.
        if Execution.objects.filter(pk=pk, wake_at__lte=now).update(wake_at=None):
            _step_due(task_id, number, state, now=now)
    for pk, state, minutes in _late(now=now):
        if state == RunStatus.EXECUTING and ServerTask.objects.filter(pk=pk, wake_at__lte=now).update(
            wake_at=None
        ):
            message = f"Stopped because it had not ended within its time limit of {minutes} minutes."
            advance(pk, runs.RunTimeUp(message), now=now)


def _step_due(task_id: int, number: int, state: str, *, now: datetime) -> None:
    if state == StepStatus.RETRYING:
        advance(task_id, runs.RetryDue(number), now=now)
    elif state == StepStatus.RUNNING:
        note(task_id, "Its time is up: it is being stopped.", number=number, now=now)
        advance(task_id, runs.TimeUp(number), now=now)
