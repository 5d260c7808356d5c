"""Slots taken and given back by compare-and-set: no two steps ever share one."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F
from django.db.models.functions import Now

from common import live
from workers.models import Machine


def reserve_slot(machine_id: int) -> bool:
    """Takes a slot of a worker that may be given work; False where there is none."""
    free = Machine.objects.accepting().with_free_slot().filter(pk=machine_id, is_revoked=False)
    taken = free.update(busy_slots=F("busy_slots") + 1, last_used_at=Now())
    if taken:
        _announce(machine_id)
    return bool(taken)


def release_slot(machine_id: int) -> None:
    """Gives a slot back, whatever became of the worker meanwhile."""
    busy = Machine.objects.filter(pk=machine_id, busy_slots__gt=0)
    if busy.update(busy_slots=F("busy_slots") - 1):
        _announce(machine_id)


def _announce(machine_id: int) -> None:
    space_id = Machine.objects.filter(pk=machine_id).values_list("space_id", flat=True).get()
    live.nudge(space_id, "pools", "workers", f"worker-{machine_id}")


def recount(busy: Mapping[int, int]) -> None:
    """Sets the busy slots of every worker to those counted from what really runs (by worker id; a
    worker that is not named has none), in case a crash or a restore left the numbers apart."""
    for machine_id, slots in Machine.objects.values_list("pk", "busy_slots"):
        if slots != busy.get(machine_id, 0):
            Machine.objects.filter(pk=machine_id).update(busy_slots=busy.get(machine_id, 0))
            _announce(machine_id)
