"""The only writer of run state: loads a run, lets `domain.runs` decide, stores, carries out.

Rows are locked in one order everywhere: task, its executions, attempt, machine. Placement, which comes
from the other end, passes over executions that somebody has locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from common import live
from common.prepared import Param, Rows, Update
from domain import runs
from domain.runs import Place, Run, RunStatus, Step, StepStatus
from domain.step_rules import Executor, StepRules
from protocol.log import Level
from tasks.engine import conditions, placement, questions, stopping
from tasks.engine.drivers.base import Job, request
from tasks.engine.notes import note
from tasks.engine.placement import Queue
from tasks.models import Child, Execution, ServerTask
from tasks.services import locks


@dataclass(frozen=True)
class LockedRun:
    """A task and its steps, held until the end of the transaction. `ids` and `queues` by the number of the
    unit."""

    task_id: int
    space_id: int
    run: Run
    ids: dict[int, int]
    queues: dict[int, Queue | None]
    has_locks: bool
    time_limit: int | None


_task = Rows(
    lambda: (
        ServerTask.objects.select_for_update()
        .filter(pk=Param("id"))
        .values_list("space_id", "state", "guided_failure", "timed_out", "locks", "time_limit_minutes")
    )
)
_steps = Rows(
    lambda: (
        Execution.objects.select_for_update()
        .filter(task=Param("task"))
        .order_by("number")
        .values_list("pk", "pool_id", "target_id", "number", "name", "state", "rules", "failures", "place")
    )
)
_started_by = Rows(lambda: Child.objects.filter(task=Param("task"), is_awaited=True).values_list("pk"))
_wait = Update(
    lambda: Execution.objects.filter(pk=Param("id")),
    state=StepStatus.WAITING.value,
    failures=Param("failures"),
    waiting_since=Param("now"),
    started_at=None,
    machine=None,
    machine_name="",
    wake_at=None,
)
_hold = Update(
    lambda: Execution.objects.filter(pk=Param("id")),
    state=Param("state"),
    failures=Param("failures"),
    message=Param("message"),
    wake_at=None,
)
_end = Update(
    lambda: Execution.objects.filter(pk=Param("id")),
    state=Param("state"),
    failures=Param("failures"),
    message=Param("message"),
    completed_at=Param("now"),
    waiting_for="",
    waiting_since=None,
    wake_at=None,
)
_wake = Update(lambda: Execution.objects.filter(pk=Param("id")), wake_at=Param("at"))
_begin = Update(
    lambda: ServerTask.objects.filter(pk=Param("id")),
    state=RunStatus.EXECUTING.value,
    started_at=Param("now"),
    wake_at=Param("deadline"),
)
_complete = Update(
    lambda: ServerTask.objects.filter(pk=Param("id")),
    state=Param("state"),
    completed_at=Param("now"),
    error_message=Param("message"),
    awaits_answer=False,
    wake_at=None,
)


def advance(task_id: int, event: runs.Event, *, now: datetime) -> None:
    """Applies an event to a run, in the caller's transaction or its own, and gives the steps that wait
    now to workers. Harmless when repeated."""
    with transaction.atomic(savepoint=False):
        go_on(lock(task_id), event, now=now)


def go_on(locked: LockedRun, event: runs.Event, *, now: datetime) -> None:
    """`advance` for a run that the caller's transaction holds already."""
    placement.place_in(apply(locked, event, now=now), now=now)


def lock(task_id: int) -> LockedRun:
    """Holds a run. Call inside of a transaction, before touching its attempts or their machines.
    Raises `ServerTask.DoesNotExist`."""
    found = _task.first(id=task_id)
    if found is None:
        raise ServerTask.DoesNotExist
    space_id, state, guided, timed_out, wanted_locks, time_limit = found
    rows = _steps(task=task_id)
    asked = questions.open_in(task_id) if any(row[5] == StepStatus.INTERRUPTED for row in rows) else {}
    steps = tuple(
        Step(
            number,
            name,
            StepStatus(state),
            StepRules.from_json(rules),
            failures,
            asked.get(pk),
            place=Place.from_json(number, place) if place else None,
            target=target or 0,
            on_target=target is not None and pool is None,
        )
        for pk, pool, target, number, name, state, rules, failures, place in rows
    )
    return LockedRun(
        task_id=task_id,
        space_id=space_id,
        run=Run(RunStatus(state), steps, guided, timed_out),
        ids={row[3]: row[0] for row in rows},
        queues={row[3]: _queue(row[1], row[2]) for row in rows},
        has_locks=bool(wanted_locks),
        time_limit=time_limit,
    )


def _queue(pool_id: int | None, target_id: int | None) -> Queue | None:
    """A step with a pool waits for a worker of it, also on behalf of a target."""
    if pool_id is not None:
        return Queue(pool_id)
    return Queue(target_id, is_target=True) if target_id is not None else None


def apply(locked: LockedRun, event: runs.Event, *, now: datetime) -> list[Queue]:
    """Stores what the event does to the run. Gives what a step waits for because of it."""
    before = locked.run
    decision = runs.decide(before, event, partial(conditions.judge, locked.task_id))
    if decision.run == before and not decision.effects:
        return []
    for old, new in zip(before.steps, decision.run.steps, strict=True):
        if old != new:
            _store_step(locked, old, new, now=now)
    _store_task(locked, decision, event, now=now)
    waiting = [_carry_out(locked, effect, now=now) for effect in decision.effects]
    live.nudge(locked.space_id, "tasks", f"task-{locked.task_id}", f"log-{locked.task_id}")
    return [queue for queue in waiting if queue is not None]


def _store_step(locked: LockedRun, old: Step, new: Step, *, now: datetime) -> None:
    id, message = locked.ids[new.number], new.message
    if old.status is StepStatus.INTERRUPTED:
        questions.close(id, now=now)
    if new.status is StepStatus.WAITING:
        _wait(id=id, failures=new.failures, now=now)
    elif new.status in runs.ENDED:
        _end(id=id, state=new.status.value, failures=new.failures, message=message, now=now)
    else:
        _hold(id=id, state=new.status.value, failures=new.failures, message=message)


def _store_task(locked: LockedRun, decision: runs.Decision, event: runs.Event, *, now: datetime) -> None:
    before, after = locked.run, decision.run
    if isinstance(event, runs.CancelRequested):
        ServerTask.objects.filter(pk=locked.task_id).update(cancel_requested_by=event.by)
        note(locked.task_id, f"{event.by} asked to cancel.", level=Level.WARNING, now=now)
    if after.status in runs.FINAL:
        _store_end(locked, decision, event, now=now)
    elif before.status is RunStatus.QUEUED and after.status is RunStatus.EXECUTING:
        limit = locked.time_limit
        _begin(id=locked.task_id, now=now, deadline=now + timedelta(minutes=limit) if limit else None)
    elif after.status is not before.status:
        stopping_now = {"state": after.status.value, "timed_out": after.timed_out, "wake_at": None}
        message = {"error_message": event.message} if isinstance(event, runs.RunTimeUp) else {}
        ServerTask.objects.filter(pk=locked.task_id).update(**stopping_now, **message)
    if after.awaits_answer is not before.awaits_answer and after.status not in runs.FINAL:
        ServerTask.objects.filter(pk=locked.task_id).update(awaits_answer=after.awaits_answer)
        request(Job.ADMIT)


def _store_end(locked: LockedRun, decision: runs.Decision, event: runs.Event, *, now: datetime) -> None:
    message = next((one.message for one in decision.effects if isinstance(one, runs.Complete)), "")
    if not message and locked.run.timed_out:
        # Said when its time was up; the last step has stopped only now.
        kept = ServerTask.objects.filter(pk=locked.task_id).values_list("error_message", flat=True)
        message = kept.get()
    if not message and decision.run.status is RunStatus.FAILED:
        # What failed did so a while ago, and steps ran because of it or in spite of it.
        message = conditions.first_failure(locked.task_id)
    _complete(id=locked.task_id, state=decision.run.status.value, message=message, now=now)
    if locked.has_locks:
        locks.release(locked.task_id, now=now)
    if _started_by(task=locked.task_id):
        request(Job.SERVE)


def _carry_out(locked: LockedRun, effect: runs.Effect, *, now: datetime) -> Queue | None:
    """Does what the effect asks for; gives what a step waits for."""
    match effect:
        case runs.FindWorker(number):
            return _find(locked, number)
        case runs.RetryLater(number, seconds):
            _wake(id=locked.ids[number], at=now + timedelta(seconds=seconds))
        case runs.Ask():
            step = locked.run.step(effect.number)
            questions.ask(locked.task_id, locked.ids[step.number], effect, step, now=now)
        case runs.ExcludeWorker(number):
            placement.exclude_last_worker(locked.task_id, locked.ids[number])
        case runs.StopStep(number, timed_out):
            _stop(locked, number, timed_out=timed_out, now=now)
        case runs.Complete():
            request(Job.ADMIT)
    return None


def _find(locked: LockedRun, number: int) -> Queue | None:
    if not _is_on_server(locked, number):
        return locked.queues[number]
    request(Job.SERVE)
    return None


def _stop(locked: LockedRun, number: int, *, timed_out: bool, now: datetime) -> None:
    if _is_on_server(locked, number):
        stopping.stop_serving(locked.ids[number], timed_out=timed_out)
    elif stopping.stop(locked.ids[number], timed_out=timed_out, now=now):
        ended = StepStatus.FAILED if timed_out else StepStatus.CANCELED
        apply(lock(locked.task_id), runs.StepEnded(number, ended, stopping.NEVER_STARTED), now=now)


def _is_on_server(locked: LockedRun, number: int) -> bool:
    return locked.run.step(number).rules.executor is Executor.SERVER
