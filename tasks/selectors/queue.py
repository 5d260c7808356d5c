"""Why it is waiting: tasks for their turn, by the same rule that admits them, and steps for a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from domain import queue
from domain.labels import ordinal
from domain.placement import IS_FULL
from domain.queue import (
    Admission,
    Capacity,
    QueuedRun,
    QueueState,
    Verdict,
    Wait,
    WaitKind,
    Words,
    task_words,
)
from tasks.models import ACTIVE, LIVE, Attempt, Execution, Node, ServerTask, StepState, TaskState
from tasks.selectors import lines, nodes, pauses
from tasks.selectors.nodes import NodeState

#: So much of the queue is looked at, in order. Further back it is known what a task waits for, but not its
#: place.
DEEP = 1000
#: Ids for runs that do not exist yet.
FIRST_NEW = 2**62


def why_waiting(tasks: Iterable[ServerTask], *, now: datetime) -> dict[int, Wait]:
    """By task id, for those of the tasks that are queued; in as many queries for many as for one."""
    wanted = {task.pk for task in tasks if task.state == TaskState.QUEUED}
    return _why(wanted, (), now=now) if wanted else {}


def why_new_ones_would_wait(runs: Sequence[QueuedRun], *, now: datetime) -> dict[int, Wait]:
    """By their ids, of runs that would be queued now, behind all others. The ids are above those of tasks,
    see `FIRST_NEW`."""
    return _why({run.id for run in runs}, runs, now=now)


def _why(wanted: Collection[int], new: Sequence[QueuedRun], *, now: datetime) -> dict[int, Wait]:
    paused = pauses.rules()
    runs = lines.read(lines.queued()[:DEEP], paused)
    beyond = set(wanted) - {run.id for run in (*runs, *new)}
    if beyond:
        runs += lines.read(lines.queued().filter(pk__in=beyond), paused)
    runs += new
    state = QueueState(
        now,
        capacity(now),
        active=lines.active({run.key for run in runs}),
        locks=lines.lock_holders(lines.lock_keys(runs)),
        pauses=paused,
    )
    return {one.run: _wait(one) for one in queue.admit(runs, state) if one.run in wanted}


def _wait(verdict: Verdict) -> Wait:
    if isinstance(verdict, Admission):
        return Wait(verdict.run, WaitKind.READY, ("It starts any moment.",), verdict.position)
    return verdict


def in_line(wait: Wait) -> str:
    """Its place among those that wait for the same, such as "2nd in line"; empty where there is no line, or
    where it stands further back than the queue is looked at."""
    return f"{ordinal(wait.line)} in line" if wait.line and wait.position <= DEEP else ""


def capacity(now: datetime) -> Capacity:
    """Of all nodes that take tasks. Before any has said that it lives it is that of a new one."""
    busy = ServerTask.objects.filter(state__in=ACTIVE, awaits_answer__in=[False])
    known = list(Node.objects.all())
    if not known:
        return Capacity(busy.count(), settings.TASK_CAP)
    caps = {
        node.name: node.task_cap
        for node in known
        if node.runs_engine and nodes.state_of(node, now) is NodeState.RUNNING
    }
    return Capacity(busy.filter(node_name__in=caps).count(), sum(caps.values()))


@dataclass(frozen=True)
class StepWait:
    """`line` is the step's place among those that wait for the same pool, from 1; 0 further back than is
    looked at. `words` is all of it in sentences."""

    line: int
    words: Words
    holders: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        return "".join(str(part) for part in self.words)


def why_steps_wait(executions: Iterable[Execution]) -> dict[int, StepWait]:
    """By execution id, for those that wait for a worker: the reason, the place in line, and who has the
    slots where these are what it waits for."""
    waiting = [one for one in executions if one.state == StepState.WAITING]
    if not waiting:
        return {}
    places = _places({one.pool_id for one in waiting if one.pool_id})
    full = {one.pool_id or 0 for one in waiting if IS_FULL in one.waiting_for}
    holders = _slot_holders(full) if full else {}
    return {
        one.pk: _step_wait(one, places.get(one.pk, 0), holders.get(one.pool_id or 0, ())) for one in waiting
    }


def _step_wait(execution: Execution, line: int, holders: Sequence[int]) -> StepWait:
    whom = execution.pool_name or execution.target_name or "its pool"
    waits = (
        f"Waits for {whom}."
        if execution.target_name and not execution.pool_id
        else f"Waits for a worker of {whom}."
    )
    reason = execution.waiting_for or waits
    words: Words = (f"{reason.rstrip('.')}.",)
    if line:
        words += (f" {ordinal(line)} in line.",)
    if IS_FULL in reason and holders:
        words += (" The slots are held by ", *task_words(holders), ".")
        return StepWait(line, words, tuple(holders))
    return StepWait(line, words)


def _places(pool_ids: Collection[int]) -> dict[int, int]:
    """The place in the line of its pool, of the first steps that wait there."""
    found = Execution.objects.filter(state=StepState.WAITING, pool_id__in=pool_ids)
    counts: defaultdict[int, int] = defaultdict(int)
    places = {}
    for pk, pool_id in found.order_by("waiting_since", "id").values_list("pk", "pool_id")[:DEEP]:
        counts[pool_id or 0] += 1
        places[pk] = counts[pool_id or 0]
    return places


def _slot_holders(pool_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The tasks whose steps are on the workers of a pool, whichever pool sent them there."""
    found = Attempt.objects.filter(state__in=LIVE, machine__pools__in=pool_ids).order_by("assigned_at")
    tasks: defaultdict[int, list[int]] = defaultdict(list)
    for pool_id, task_id in found.values_list("machine__pools", "execution__task_id"):
        if task_id not in tasks[pool_id]:
            tasks[pool_id].append(task_id)
    return {pool_id: tuple(ids) for pool_id, ids in tasks.items()}
