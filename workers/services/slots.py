"""Slots taken and given back by compare-and-set: no two steps ever share one."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F
from django.db.models.functions import Now

from common import live
from workers.models import Machine


def reserve_slot(machine: Machine) -> bool:
    """Takes a slot of a worker that may be given work; False where there is none by now."""
    free = Machine.objects.accepting().with_free_slot().filter(pk=machine.pk, is_revoked=False)
    taken = free.update(busy_slots=F("busy_slots") + 1, last_used_at=Now())
    if taken:
        _announce(machine)
    return bool(taken)


def release_slot(machine: Machine) -> None:
    """Gives a slot back, whatever became of the worker meanwhile."""
    busy = Machine.objects.filter(pk=machine.pk, busy_slots__gt=0)
    if busy.update(busy_slots=F("busy_slots") - 1):
        _announce(machine)


def _announce(machine: Machine) -> None:
    live.nudge(machine.space_id, "pools", "workers", f"worker-{machine.pk}")


def recount(busy: Mapping[int, int]) -> None:
    """Sets the busy slots of every worker to those counted from what really runs (by worker id; a
    worker that is not named has none), in case a crash or a restore left the numbers apart."""
    for machine in Machine.objects.only("space_id", "busy_slots"):
        if machine.busy_slots != busy.get(machine.pk, 0):
            Machine.objects.filter(pk=machine.pk).update(busy_slots=busy.get(machine.pk, 0))
            _announce(machine)
