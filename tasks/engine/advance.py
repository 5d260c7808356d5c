"""The only writer of run state: loads a run, lets `domain.runs` decide, stores, carries out.

Rows are locked in one order everywhere: task, its executions, attempt, machine. Placement, which comes
from the other end, passes over executions that somebody has locked.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class LockedRun:
    """A task and its steps, held until the end of the transaction. `ids` and `pools` by step number."""

    task: ServerTask
    run: Run
    ids: dict[int, int]
    pools: dict[int, int | None]


def advance(task_id: int, event: runs.Event, *, now: datetime) -> None:
    """Applies an event to a run, in the caller's transaction or its own, and gives the steps that wait
    now to workers. Harmless when repeated."""
    with transaction.atomic():
        for pool_id in apply(lock(task_id), event, now=now):
            placement.place(pool_id, now=now)


def lock(task_id: int) -> LockedRun:
    """Holds a run. Call inside of a transaction, before touching its attempts or their machines."""
    task = ServerTask.objects.select_for_update().only("space_id", "state").get(pk=task_id)
    steps = Execution.objects.select_for_update().filter(task=task_id).order_by("number")
    rows = list(steps.values_list("number", "name", "state", "pk", "pool_id"))
    run = Run(
        RunStatus(task.state),
        tuple(runs.Step(number, name, StepStatus(state)) for number, name, state, _, _ in rows),
    )
    return LockedRun(task, run, {row[0]: row[3] for row in rows}, {row[0]: row[4] for row in rows})


def apply(locked: LockedRun, event: runs.Event, *, now: datetime) -> list[int]:
    """Stores what the event does to the run. Gives the pools that a step waits for because of it."""
    before = locked.run
    decision = runs.decide(before, event)
    if decision.run == before and not decision.effects:
        return []
    for old, new in zip(before.steps, decision.run.steps, strict=True):
        if old.status is not new.status:
            _store_step(locked.ids[new.number], new.status, _message(event, new.number), now)
    _store_task(locked.task, before, decision, event, now=now)
    waiting = [_carry_out(locked, effect, now=now) for effect in decision.effects]
    task = locked.task
    live.nudge(task.space_id, "tasks", f"task-{task.pk}", f"log-{task.pk}")
    return [pool_id for pool_id in waiting if pool_id is not None]


def _message(event: runs.Event, number: int) -> str:
    return event.message if isinstance(event, runs.StepEnded) and event.number == number else ""


def _store_step(execution_id: int, status: StepStatus, message: str, now: datetime) -> None:
    changes: dict[str, Any] = {"state": status.value}
    if status is StepStatus.WAITING:
        changes |= {"waiting_since": now, "started_at": None, "machine": None, "machine_name": ""}
    if status in _ENDED:
        changes |= {"completed_at": now, "waiting_for": "", "waiting_since": None, "message": message}
    Execution.objects.filter(pk=execution_id).update(**changes)


def _store_task(
    task: ServerTask, before: Run, decision: runs.Decision, event: runs.Event, *, now: datetime
) -> None:
    changes: dict[str, Any] = {}
    status = decision.run.status
    if status is not before.status:
        changes["state"] = status.value
        if before.status is RunStatus.QUEUED and status is RunStatus.EXECUTING:
            changes["started_at"] = now
        if status in _FINAL:
            changes["completed_at"] = now
    for effect in decision.effects:
        if isinstance(effect, runs.Complete):
            changes["error_message"] = effect.message
    if isinstance(event, runs.CancelRequested):
        changes["cancel_requested_by"] = event.by
        note(task.pk, f"{event.by} asked to cancel.", level=Level.WARNING, now=now)
    if changes:
        ServerTask.objects.filter(pk=task.pk).update(**changes)


def _carry_out(locked: LockedRun, effect: runs.Effect, *, now: datetime) -> int | None:
    """Does what the effect asks for; gives the pool that a step waits for."""
    match effect:
        case runs.FindWorker(number):
            return locked.pools[number]
        case runs.StopStep(number):
            _stop(locked, number, now=now)
        case runs.Complete():
            request(Job.ADMIT)
    return None


def _stop(locked: LockedRun, number: int, *, now: datetime) -> None:
    """Asks for the end of a running step. One that the worker has not accepted ends at once: it
    starts only after the server confirmed, which from here on it never will."""
    rows = Attempt.objects.select_related("machine").filter(execution=locked.ids[number])
    attempt = rows.filter(state__in=LIVE).first()
    if attempt is None:
        return
    Attempt.objects.filter(pk=attempt.pk).update(cancel_requested=True)
    if attempt.state == AttemptState.ASSIGNED and withdraw(attempt, reason="Cancelled.", now=now):
        apply(lock(locked.task.pk), runs.StepEnded(number, StepStatus.CANCELED), now=now)
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
