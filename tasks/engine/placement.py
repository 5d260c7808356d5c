"""Gives waiting steps to workers: first come, first served within a pool, the worker by fitness."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, IntegerField, QuerySet, Value

from common import live
from common.prepared import Insert, Param, Rows, Update
from common.times import duration_words
from domain.placement import Chosen, Wait, choose, choose_itself
from domain.step_rules import StepRules
from protocol.log import Level
from tasks.engine import delivery
from tasks.engine.held import HeldAttempt
from tasks.engine.notes import note
from tasks.models import LIVE, Attempt, AttemptState, Execution, ServerTask, StepState
from tasks.services import pauses
from workers.models import Machine
from workers.selectors.candidates import Candidate, candidates, itself
from workers.services import slots

#: Executions looked at in one go. What cannot be placed because its pool is full is few rows away.
BATCH = 50


@dataclass(frozen=True, order=True)
class Queue:
    """What a step waits for: a worker of a pool, or one deployment target."""

    id: int
    is_target: bool = False


class _Waiting(NamedTuple):
    id: int
    name: str
    epoch: int
    pool_name: str
    target_name: str
    needs: Sequence[str]
    rules: dict[str, object]
    number: int
    waiting_for: str
    waiting_since: datetime | None
    task_id: int
    space_id: int
    environment_id: int
    excluded: Sequence[int]


def _line(**queue: Any) -> QuerySet[Execution, Any]:
    """Held until the end of the transaction; those that another transaction holds are passed over: it
    places them itself, and waiting for it could only deadlock."""
    return (
        Execution.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(state=StepState.WAITING, **queue)
        .order_by("waiting_since", "id")
        .values_list(
            "id",
            "name",
            "epoch",
            "pool_name",
            "target_name",
            "needs",
            "rules",
            "number",
            "waiting_for",
            "waiting_since",
            "task_id",
            "task__space_id",
            "task__environment_id",
            "task__excluded_machines",
        )[:BATCH]
    )


_waiting = Rows(lambda: _line(pool_id=Param("pool")))
_waiting_on = Rows(lambda: _line(target=Param("target"), pool_id__isnull=True))
_pools_of = Machine.pools.through.objects.filter(machine_id=Param("machine", IntegerField()))
_waiting_near = Execution.objects.filter(state=StepState.WAITING)
# Both in one statement: it is asked at every end of a step.
_near = Rows(
    lambda: (
        _waiting_near.filter(pool_id__in=_pools_of.values("workerpool_id"))
        .values_list("pool_id", Value(False))
        .distinct()
        .order_by()
        .union(
            _waiting_near.filter(target=Param("machine"), pool_id__isnull=True)
            .values_list("target_id", Value(True))
            .order_by(),
        )
    )
)
_targets_waited_for = Rows(
    lambda: (
        Execution.objects.filter(state=StepState.WAITING, target__isnull=False, pool_id__isnull=True)
        .values_list("target_id", flat=True)
        .order_by("target_id")
        .distinct()
    )
)
_waited_for = Rows(
    lambda: (
        Execution.objects.filter(state=StepState.WAITING, pool_id__isnull=False)
        .values_list("pool_id", flat=True)
        .order_by("pool_id")
        .distinct()
    )
)
_run = Update(
    lambda: Execution.objects.filter(pk=Param("id")),
    state=StepState.RUNNING.value,
    epoch=F("epoch") + 1,
    machine=Param("machine"),
    machine_name=Param("machine_name"),
    placement_reason=Param("reason"),
    waiting_for="",
    started_at=Param("now"),
    wake_at=Param("deadline"),
)
_insert_attempt = Insert(Attempt)


def place_in(queues: Iterable[Queue], *, now: datetime) -> None:
    """`place` for each of these, in one order."""
    for queue in sorted(set(queues)):
        if queue.is_target:
            place_on(queue.id, now=now)
        else:
            place(queue.id, now=now)


def place(pool_id: int, *, now: datetime) -> None:
    """Assigns as many waiting steps of a pool as it has free slots for."""
    with transaction.atomic(savepoint=False):
        waiting = [_Waiting(*row) for row in _waiting(pool=pool_id)]
        if waiting:
            _place(waiting, {one.id: one for one in candidates(pool_id)}, pool_id, now=now)


def place_on(target_id: int, *, now: datetime) -> None:
    """Assigns as many steps that run on a deployment target itself as it has free slots for."""
    with transaction.atomic(savepoint=False):
        rows = (_Waiting(*row) for row in _waiting_on(target=target_id))
        # What the server does for a target is not done there.
        waiting = [one for one in rows if not one.rules.get("server")]
        if waiting:
            _place(waiting, {one.id: one for one in itself(target_id)}, None, now=now)


def _choice(step: _Waiting, workers: Iterable[Candidate], *, on_target: bool) -> Chosen | Wait:
    """A target is not chosen: it can take the step, or the step waits for it, whatever was excluded."""
    facts = [one.facts for one in workers if on_target or one.id not in step.excluded]
    if on_target:
        return choose_itself(facts, target=step.target_name, needs=step.needs)
    return choose(facts, pool=step.pool_name, needs=step.needs)


def _place(
    waiting: Sequence[_Waiting], workers: dict[int, Candidate], pool_id: int | None, *, now: datetime
) -> None:
    paused = {
        id: pauses.reason_for(pool_id=pool_id, environment_id=id)
        for id in {one.environment_id for one in waiting}
    }
    for step in waiting:
        if reason := paused[step.environment_id]:
            _wait(step, reason)
            continue
        choice = _choice(step, workers.values(), on_target=pool_id is None)
        if isinstance(choice, Wait):
            _wait(step, choice.reason)
            continue
        worker = workers[int(choice.worker.id)]
        if _assign(step, worker, choice, now=now):
            used = replace(worker.facts, busy=worker.facts.busy + 1, last_used=now)
        else:
            used = replace(worker.facts, busy=worker.facts.slots)
        workers[worker.id] = replace(worker, facts=used)


def place_all(*, now: datetime) -> None:
    """`place_in` for everything that steps wait for, each in a transaction of its own."""
    for (pool_id,) in _waited_for():
        place(pool_id, now=now)
    for (target_id,) in _targets_waited_for():
        place_on(target_id, now=now)


def waited_for(machine_id: int | None) -> list[Queue]:
    """The pools of a machine that steps wait for, and the machine itself where steps do."""
    if not machine_id:
        return []
    return [Queue(id, is_target=bool(is_target)) for id, is_target in _near(machine=machine_id)]


def release(attempt: HeldAttempt) -> None:
    """Frees the slot of an attempt that has ended. Call once for each, with its change of state."""
    if attempt.machine_id is not None:
        slots.release_slot(attempt.machine_id, space_id=attempt.space_id)


def recount() -> None:
    """Counts the busy slots of all workers anew from the attempts that hold them."""
    slots.recount(lambda machine_id: Attempt.objects.filter(machine=machine_id, state__in=LIVE).count())


def exclude_last_worker(task_id: int, execution_id: int) -> None:
    """The worker of the step's latest attempt takes no more steps of this run."""
    tried = Attempt.objects.filter(execution=execution_id).order_by("-epoch")
    machine_id = tried.values_list("machine_id", flat=True).first()
    task = ServerTask.objects.only("excluded_machines").get(pk=task_id)
    if machine_id and machine_id not in task.excluded_machines:
        ServerTask.objects.filter(pk=task_id).update(excluded_machines=[*task.excluded_machines, machine_id])


def _wait(step: _Waiting, reason: str) -> None:
    if step.waiting_for != reason:
        Execution.objects.filter(pk=step.id).update(waiting_for=reason)
        live.nudge(step.space_id, f"task-{step.task_id}", "pools")


def _note_wait(step: _Waiting, now: datetime) -> None:
    """Keeps why a step had to wait, and for how long, once it need not any more."""
    if step.waiting_for and step.waiting_since:
        waited = duration_words(now - step.waiting_since)
        message = f"Waited {waited}: {step.waiting_for}"
        note(step.task_id, message, now=now, number=step.number, level=Level.WAIT)


def _assign(step: _Waiting, worker: Candidate, choice: Chosen, *, now: datetime) -> bool:
    """Takes a slot by compare-and-set and hands the step over; False if the slot has just gone."""
    if not slots.reserve_slot(worker.id, space_id=worker.space_id):
        return False
    limit = StepRules.from_json(step.rules).time_limit
    _run(
        id=step.id,
        machine=worker.id,
        machine_name=worker.facts.name,
        reason=choice.reason,
        now=now,
        deadline=now + timedelta(minutes=limit) if limit else None,
    )
    _note_wait(step, now)
    attempt_id, epoch = uuid.uuid4(), step.epoch + 1
    _insert_attempt(
        [
            {
                "id": attempt_id,
                "execution_id": step.id,
                "epoch": epoch,
                "machine_id": worker.id,
                "state": AttemptState.ASSIGNED,
                "assigned_at": now,
            }
        ]
    )
    delivery.assign(worker.channel, str(attempt_id), epoch, task_id=step.task_id, step=step.name)
    live.nudge(step.space_id, f"task-{step.task_id}", "tasks", "pools")
    return True
