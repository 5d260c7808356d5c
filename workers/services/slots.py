"""Slots taken and given back by compare-and-set: no two steps ever share one."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from common import live
from common.prepared import Param, Update
from workers.models import Machine

_reserve = Update(
    lambda: Machine.objects.accepting().with_free_slot().filter(pk=Param("id"), is_revoked=False),
    busy_slots=F("busy_slots") + 1,
    last_used_at=Now(),
)
_release = Update(
    lambda: Machine.objects.filter(pk=Param("id"), busy_slots__gt=0), busy_slots=F("busy_slots") - 1
)


def reserve_slot(machine_id: int, *, space_id: int) -> bool:
    """Takes a slot of a worker that may be given work; False where there is none by now."""
    taken = _reserve(id=machine_id) == 1
    if taken:
        _announce(machine_id, space_id)
    return taken


def release_slot(machine_id: int, *, space_id: int) -> None:
    """Gives a slot back, whatever became of the worker meanwhile."""
    if _release(id=machine_id):
        _announce(machine_id, space_id)


def _announce(machine_id: int, space_id: int) -> None:
    live.nudge(space_id, "pools", "workers", f"worker-{machine_id}")


def recount(count: Callable[[int], int]) -> None:
    """Sets the busy slots of every worker to those counted from what really runs (by worker id), in case
    a crash or a restore left the numbers apart."""
    for machine_id in list(Machine.objects.values_list("pk", flat=True)):
        with transaction.atomic():
            # Whoever takes or frees a slot at this moment holds the row, and is counted before or after.
            machine = Machine.objects.select_for_update().only("space_id", "busy_slots").get(pk=machine_id)
            busy = count(machine_id)
            if machine.busy_slots != busy:
                Machine.objects.filter(pk=machine_id).update(busy_slots=busy)
                _announce(machine_id, machine.space_id)
