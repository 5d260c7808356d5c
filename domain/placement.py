"""Which worker of a pool takes a step: decided when the step starts, from what the workers are then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.labels import counted
from domain.needs import said


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker that is enabled, in contact and not draining. `tools` are the names of what it has."""

    id: str
    name: str
    slots: int
    busy: int
    tools: frozenset[str]
    last_used: datetime | None = None

    @property
    def free(self) -> int:
        return max(self.slots - self.busy, 0)


@dataclass(frozen=True, slots=True)
class Chosen:
    worker: WorkerFacts
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """No worker can take the step now; `reason` is a sentence for people."""

    reason: str


#: What the reason says where there are workers and all their slots are taken.
IS_FULL = " is full: "


def choose(workers: Sequence[WorkerFacts], *, pool: str, needs: Iterable[str] = ()) -> Chosen | Wait:
    """The worker with the most free slots among those with the tools; ties by least recently used.

    `pool` is the pool's name, for the sentence.
    """
    needed = frozenset(needs)
    fit = [worker for worker in workers if needed <= worker.tools]
    free = [worker for worker in fit if worker.free]
    if not free:
        return Wait(_why_not(workers, fit, pool, needed))
    best = min(free, key=lambda w: (-w.free, w.last_used is not None, w.last_used, w.name))
    return Chosen(best, _why(best, free, len(workers)))


def choose_itself(workers: Sequence[WorkerFacts], *, target: str, needs: Iterable[str] = ()) -> Chosen | Wait:
    """The one machine that a step is to run on, where it can take it now; `workers` is empty if it cannot
    take anything."""
    if not workers:
        return Wait(f"{target} takes nothing now: it is not in contact, disabled or draining.")
    (machine,) = workers
    if lacking := sorted(frozenset(needs) - machine.tools):
        return Wait(f"{target} does not have {said(lacking)}.")
    if not machine.free:
        busy = min(machine.busy, machine.slots)
        return Wait(f"{target}{IS_FULL}{busy} of {counted(machine.slots, 'slot')} busy.")
    return Chosen(machine, "The deployment target of this step.")


def _why(best: WorkerFacts, free: Sequence[WorkerFacts], total: int) -> str:
    if total == 1:
        return "The only available worker of the pool."
    if len(free) == 1:
        return f"The only one of {counted(total, 'available worker')} with a free slot."
    if any(worker.free == best.free for worker in free if worker is not best):
        return f"Least recently used of those with the most free slots ({best.free} of {best.slots})."
    return f"Most free slots: {best.free} of {best.slots}."


def _why_not(
    workers: Sequence[WorkerFacts], fit: Sequence[WorkerFacts], pool: str, needed: frozenset[str]
) -> str:
    if not workers:
        return f"{pool} has no available worker: none is enabled, in contact and not draining."
    if not fit:
        return f"No available worker of {pool} has {said(needed)}."
    slots = sum(worker.slots for worker in fit)
    busy = sum(min(worker.busy, worker.slots) for worker in fit)
    return f"{pool}{IS_FULL}{busy} of {counted(slots, 'slot')} busy."
