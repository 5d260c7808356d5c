"""The workers that could take a step of a plan, as they stand now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.times import ago_words
from domain.labels import counted, listed
from domain.placement import Chosen, WorkerFacts, choose
from domain.plans import PlannedStep
from pools.models import WorkerPool
from projects.run_dialog.estimates import time_left
from tasks.models import Attempt
from tasks.models.execution import LIVE
from workers.models import Machine
from workers.selectors.capacity import candidates_for, worker_facts

SHOWN = 5


@dataclass(frozen=True)
class WorkerLine:
    """A worker with a sentence about it. `is_next` marks the one that placement would choose now, or that
    is free first."""

    machine: Machine
    text: str
    is_fit: bool
    is_next: bool

    @property
    def dot(self) -> str:
        """A status class for the mark before the name."""
        if not self.is_fit:
            return "warn"
        return "ok" if self.machine.free_slots else "run"


@dataclass(frozen=True)
class StepWorkers:
    """The fittest workers for a step; `more` counts those that are not shown."""

    lines: tuple[WorkerLine, ...] = ()
    more: int = 0


class Workers:
    """Those of the pools of a plan, read once, with the tasks that they are busy with."""

    def __init__(self, pools: Iterable[WorkerPool], *, now: datetime) -> None:
        self._machines = {str(pool.pk): candidates_for(pool) for pool in pools}
        self._busy = _running_tasks({one.pk for machines in self._machines.values() for one in machines})
        self._left = time_left({task for tasks in self._busy.values() for task in tasks}, now=now)

    def of(self, step: PlannedStep) -> StepWorkers:
        machines = self._machines.get(step.pool_id or "", [])
        facts = {machine.pk: worker_facts(machine) for machine in machines}
        next_pk = self._next(machines, facts, step)
        lines = [self._line(one, facts[one.pk], step.needs, is_next=one.pk == next_pk) for one in machines]
        lines.sort(key=lambda line: (not line.is_next, not line.is_fit, -line.machine.free_slots))
        return StepWorkers(tuple(lines[:SHOWN]), more=max(len(lines) - SHOWN, 0))

    def wait(self, step: PlannedStep) -> timedelta | None:
        """How long until a worker of the step's pool is usually free; None where nothing tells."""
        lefts = [self._free_in(machine) for machine in self._machines.get(step.pool_id or "", [])]
        return min((left for left in lefts if left is not None), default=None)

    def _next(
        self, machines: Sequence[Machine], facts: dict[int, WorkerFacts], step: PlannedStep
    ) -> int | None:
        chosen = choose(list(facts.values()), pool=step.pool_name, needs=step.needs)
        if isinstance(chosen, Chosen):
            return int(chosen.worker.id)
        lefts = {
            one.pk: left
            for one in machines
            if set(step.needs) <= facts[one.pk].tools and (left := self._free_in(one)) is not None
        }
        return min(lefts, key=lambda pk: lefts[pk], default=None)

    def _free_in(self, machine: Machine) -> timedelta | None:
        tasks = self._busy.get(machine.pk, set())
        return min((self._left[task] for task in tasks if task in self._left), default=None)

    def _line(
        self, machine: Machine, facts: WorkerFacts, needs: Sequence[str], *, is_next: bool
    ) -> WorkerLine:
        lacking = [need for need in needs if need not in facts.tools]
        text = f"Has no {listed(lacking)}" if lacking else self._room(machine)
        return WorkerLine(machine, text, is_fit=not lacking, is_next=is_next)

    def _room(self, machine: Machine) -> str:
        if machine.free_slots:
            return f"{machine.free_slots} of {counted(machine.slots, 'slot')} free"
        tasks = sorted(self._busy.get(machine.pk, set()))
        if not tasks:
            return f"{machine.busy_slots} of {counted(machine.slots, 'slot')} busy"
        left = self._free_in(machine)
        ends = f", usually ends {ago_words(-left.total_seconds())}" if left else ""
        named = listed([str(task) for task in tasks[:3]])
        return f"Busy with {'task' if len(tasks) == 1 else 'tasks'} {named}{ends}"


def _running_tasks(machine_ids: Collection[int]) -> dict[int, set[int]]:
    rows = Attempt.objects.filter(machine__in=machine_ids, state__in=LIVE)
    busy: dict[int, set[int]] = defaultdict(set)
    for machine_id, task_id in rows.values_list("machine_id", "execution__task_id"):
        busy[machine_id].add(task_id)
    return busy
