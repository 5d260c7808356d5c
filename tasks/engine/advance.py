"""The only writer of run state: loads a run, lets `domain.runs` decide, stores, carries out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from common import live
from domain import runs
from domain.runs import Run, RunStatus, StepStatus
from protocol.log import Level
from tasks.engine import delivery, placement
from tasks.engine.drivers.base import Job, request
from tasks.models import LIVE, Attempt, AttemptState, Execution, ServerTask, TaskEvent

_FINAL = {RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELED}
_ENDED = {
    StepStatus.SUCCESS,
    StepStatus.FAILED,
    StepStatus.SKIPPED,
    StepStatus.CANCELED,
    StepStatus.UNKNOWN,
}


class _Changed(Exception):
    """A step moved between reading and writing it (a worker was found for it): decide again."""


def advance(task_id: int, event: runs.Event, *, now: datetime) -> None:
    """Applies an event to a run, in the caller's transaction or its own. Harmless when repeated."""
    while True:
        try:
            with transaction.atomic():
                _advance(task_id, event, now=now)
            return
        except _Changed:
            continue


def _advance(task_id: int, event: runs.Event, *, now: datetime) -> None:
    task = ServerTask.objects.select_for_update().defer("plan").get(pk=task_id)
    executions = {execution.number: execution for execution in task.executions.all()}
    before = _load(task, executions.values())
    decision = runs.decide(before, event)
    if decision.run == before and not decision.effects:
        return
    for old, new in zip(before.steps, decision.run.steps, strict=True):
        if old.status is not new.status:
            _store_step(executions[new.number], old.status, new.status, _message(event, new.number), now)
    if before.status is not decision.run.status:
        _store_status(task, decision.run.status, now=now)
    if isinstance(event, runs.CancelRequested):
        _note_cancel(task, by=event.by, now=now)
    for effect in decision.effects:
        _carry_out(task, executions, effect, now=now)
    live.nudge(task.space_id, "tasks", f"task-{task.pk}", f"log-{task.pk}")


def _load(task: ServerTask, executions: Iterable[Execution]) -> Run:
    steps = tuple(runs.Step(e.number, e.name, StepStatus(e.state)) for e in executions)
    return Run(RunStatus(task.state), steps)


def _message(event: runs.Event, number: int) -> str:
    is_about = isinstance(event, runs.StepEnded) and event.number == number
    return event.message if is_about else ""  # type: ignore[union-attr]


def _store_step(execution: Execution, old: StepStatus, new: StepStatus, message: str, now: datetime) -> None:
    changes: dict[str, Any] = {"state": new.value}
    if new is StepStatus.WAITING:
        changes |= {"waiting_since": now, "started_at": None, "machine": None, "machine_name": ""}
    if new in _ENDED:
        changes |= {"completed_at": now, "waiting_for": "", "waiting_since": None, "message": message}
    rows = Execution.objects.filter(pk=execution.pk, state=old.value)
    if rows.update(**changes) != 1:
        raise _Changed


def _store_status(task: ServerTask, status: RunStatus, *, now: datetime) -> None:
    task.state = status.value
    if status is RunStatus.EXECUTING:
        task.started_at = now
    if status in _FINAL:
        task.completed_at = now
    task.save(update_fields=["state", "started_at", "completed_at"])


def _note_cancel(task: ServerTask, *, by: str, now: datetime) -> None:
    task.cancel_requested_by = by
    task.save(update_fields=["cancel_requested_by"])
    note(task.pk, f"{by} asked to cancel.", level=Level.WARNING, now=now)


def _carry_out(
    task: ServerTask, executions: dict[int, Execution], effect: runs.Effect, *, now: datetime
) -> None:
    match effect:
        case runs.FindWorker(number):
            pool_id = executions[number].pool_id
            if pool_id is not None:
                placement.place(pool_id, now=now)
        case runs.StopStep(number):
            _stop(executions[number], now=now)
        case runs.Complete(message):
            task.error_message = message
            task.save(update_fields=["error_message"])
            request(Job.ADMIT)


def _stop(execution: Execution, *, now: datetime) -> None:
    """Asks for the end of a running step. One that the worker has not accepted ends at once: it
    starts only after the server confirmed, which from here on it never will."""
    attempt = execution.attempts.select_related("machine").filter(state__in=LIVE).first()
    if attempt is None:
        return
    attempt.cancel_requested = True
    attempt.save(update_fields=["cancel_requested"])
    if attempt.state == AttemptState.ASSIGNED and withdraw(attempt, reason="cancelled", now=now):
        advance(execution.task_id, runs.StepEnded(execution.number, StepStatus.CANCELED), now=now)
    else:
        delivery.cancel(attempt)


def withdraw(attempt: Attempt, *, reason: str, now: datetime) -> bool:
    """Takes back an assignment that the worker has not accepted; False if it has by now."""
    rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.ASSIGNED)
    if rows.update(state=AttemptState.WITHDRAWN, finished_at=now) != 1:
        return False
    placement.release(attempt)
    delivery.forget(attempt, reason=reason)
    return True


def note(
    task_id: int, message: str, *, now: datetime, number: int | None = None, level: Level = Level.INFO
) -> None:
    """A line of the server's own in a run's story."""
    TaskEvent.objects.create(task_id=task_id, number=number, occurred_at=now, level=level, message=message)
