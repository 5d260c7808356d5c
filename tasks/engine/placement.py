"""Gives waiting steps to workers: first come, first served within a pool, the worker by fitness."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, F

from common import live
from domain.placement import Chosen, Wait, choose
from pools.models import WorkerPool
from tasks.engine import delivery
from tasks.models import LIVE, Attempt, AttemptState, Execution, StepState
from workers.models import Machine
from workers.selectors.capacity import candidates_for, worker_facts
from workers.services import slots

#: Executions looked at in one go. What cannot be placed because its pool is full is few rows away.
BATCH = 50


@transaction.atomic
def place(pool_id: int, *, now: datetime) -> None:
    """Assigns as many waiting steps of a pool as it has free slots for."""
    waiting = _waiting(pool_id)
    if not waiting:
        return
    workers = {str(machine.pk): machine for machine in _reachable(pool_id)}
    facts = {id: worker_facts(machine) for id, machine in workers.items()}
    for execution in waiting:
        choice = choose(list(facts.values()), pool=execution.pool_name, needs=execution.needs)
        if isinstance(choice, Wait):
            _wait(execution, choice.reason)
            continue
        machine = workers[choice.worker.id]
        _assign(execution, machine, choice, now=now)
        facts[choice.worker.id] = worker_facts(machine)


def _reachable(pool_id: int) -> list[Machine]:
    """Who may take work now. A worker whose connection broke a moment ago is not given anything: the
    step would wait for it to come back."""
    pool = WorkerPool.objects.select_related("space").filter(pk=pool_id).first()
    return [machine for machine in candidates_for(pool) if machine.is_connected] if pool else []


def place_all(*, now: datetime) -> None:
    """`place` for each pool that steps wait for."""
    for pool_id in waited_for():
        place(pool_id, now=now)


def waited_for(machine_id: int | None = None) -> list[int]:
    """The pools that steps wait for: all of them, or those that a machine is in."""
    waiting = Execution.objects.filter(state=StepState.WAITING, pool_id__isnull=False)
    if machine_id is not None:
        links = Machine.pools.through.objects.filter(machine_id=machine_id)
        waiting = waiting.filter(pool_id__in=links.values("workerpool_id"))
    pools = waiting.values_list("pool_id", flat=True).order_by("pool_id").distinct()
    return [pool_id for pool_id in pools if pool_id is not None]


def release(attempt: Attempt) -> None:
    """Frees the slot of an attempt that has ended. Call once for each, with its change of state."""
    if attempt.machine is not None:
        slots.release_slot(attempt.machine)


def recount() -> None:
    """Counts the busy slots of all workers anew from the attempts that hold them."""
    live = Attempt.objects.filter(state__in=LIVE, machine__isnull=False).order_by()
    slots.recount(dict(live.values_list("machine").annotate(count=Count("pk"))))


def _waiting(pool_id: int) -> list[Execution]:
    """The first steps in line. Held until the end of the transaction; those that another transaction
    holds are passed over: it places them itself, and waiting for it could only deadlock."""
    rows = Execution.objects.filter(pool_id=pool_id, state=StepState.WAITING)
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    return list(rows.order_by("waiting_since", "id").select_related("task").only(*_COLUMNS)[:BATCH])


_COLUMNS = ("name", "epoch", "pool_name", "needs", "waiting_for", "task__space_id")


def _wait(execution: Execution, reason: str) -> None:
    if execution.waiting_for != reason:
        Execution.objects.filter(pk=execution.pk).update(waiting_for=reason)
        live.nudge(execution.task.space_id, f"task-{execution.task_id}", "pools")


def _assign(execution: Execution, machine: Machine, choice: Chosen, *, now: datetime) -> None:
    """Takes a slot by compare-and-set and hands the step over; `machine.busy_slots` follows."""
    if not slots.reserve_slot(machine):
        machine.busy_slots = machine.slots
        return
    machine.busy_slots += 1
    Execution.objects.filter(pk=execution.pk).update(
        state=StepState.RUNNING,
        epoch=F("epoch") + 1,
        machine=machine,
        machine_name=machine.name,
        placement_reason=choice.reason,
        waiting_for="",
        started_at=now,
    )
    attempt = Attempt.objects.create(
        execution=execution,
        epoch=execution.epoch + 1,
        machine=machine,
        state=AttemptState.ASSIGNED,
        assigned_at=now,
    )
    delivery.assign(attempt, execution)
    live.nudge(execution.task.space_id, f"task-{execution.task_id}", "tasks", "pools")
