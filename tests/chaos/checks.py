"""What has to be true of a run after whatever happened to it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields

from django.db.models import F

from protocol.log import Stream
from tasks.models import (
    LIVE,
    Attempt,
    AttemptState,
    Execution,
    Interruption,
    ServerTask,
    StepState,
    TaskState,
)
from tasks.selectors.log_chunks import stored_runs
from tests.chaos.scripts import Ledger, Script
from tests.harness.installation import wait_for
from workers.models import Machine

#: Seconds in which a run has to come to an end or to a question. An assignment that nobody accepts is
#: taken back after 30 s, and a worker that lost its server tries again within 15 s.
PATIENCE = 75

_BUSY = (StepState.PENDING, StepState.WAITING, StepState.RUNNING)


@dataclass
class Tally:
    """What was seen. `begun` counts the scripts themselves, `bytes` the log compared."""

    runs: int = 0
    steps: int = 0
    attempts: int = 0
    begun: int = 0
    unknown: int = 0
    lines: int = 0
    bytes: int = 0

    def __iadd__(self, other: Tally) -> Tally:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))
        return self


def settled(task: ServerTask, *, seconds: float = PATIENCE) -> ServerTask:
    """The run once it is over, or waits for a person."""

    def over() -> ServerTask | None:
        row = ServerTask.objects.get(pk=task.pk)
        return row if row.is_completed or row.awaits_answer else None

    return wait_for(over, seconds=seconds, every=0.05)


def check(task: ServerTask, scripts: Sequence[Script], ledger: Ledger) -> Tally:
    """A run that is over or waits for an answer. Raises AssertionError."""
    tally = Tally(runs=1)
    _true_state(task)
    entries = [entry for entry in ledger.entries() if entry.task_id == task.pk]
    said = Counter((entry.attempt_id, entry.word) for entry in entries)
    for execution, script in zip(task.executions.order_by("number"), scripts, strict=True):
        tally.steps += 1
        for attempt in execution.attempts.order_by("epoch"):
            key = str(attempt.pk)
            begun, ended = said.pop((key, "begin"), 0), said.pop((key, "end"), 0)
            tally += _check_attempt(attempt, execution, script, begun=begun, ended=ended)
    assert not said, f"Scripts of task {task.pk} ran that the server knows nothing of: {said}"
    return tally


def _true_state(task: ServerTask) -> None:
    """Over with everything in it over, or waiting for a person with a question that can be answered."""
    live = Attempt.objects.filter(execution__task=task, state__in=LIVE)
    assert not live.exists(), f"Task {task.pk} is {task.state} and has a live attempt: {list(live.values())}"
    questions = Interruption.objects.filter(task=task, closed_at__isnull=True)
    if task.is_completed:
        states = set(task.executions.values_list("state", flat=True))
        assert not states & {*_BUSY, StepState.RETRYING, StepState.INTERRUPTED}, states
        assert not questions.exists(), "A run that is over still asks something."
        assert task.completed_at
        return
    assert task.state == TaskState.EXECUTING
    question = questions.get()
    assert question.kind == Interruption.Kind.SETTLE
    assert question.text
    assert question.choices
    assert question.execution.state in (StepState.INTERRUPTED, StepState.UNKNOWN)


def _check_attempt(
    attempt: Attempt, execution: Execution, script: Script, *, begun: int, ended: int
) -> Tally:
    where = f"attempt {attempt.epoch} at step {execution.number} of task {execution.task_id}, {attempt.state}"
    assert begun <= 1, f"The script of {where}, ran {begun} times."
    if attempt.state == AttemptState.WITHDRAWN:
        assert begun == 0, f"The script of {where}, ran all the same."
    if attempt.outcome == "exited":
        assert (begun, ended) == (1, 1), f"The script of {where}, did not run to its end."
    tally = Tally(attempts=1, begun=begun, unknown=attempt.state == AttemptState.UNKNOWN)
    tally += _check_log(attempt, script, where)
    return tally


def _check_log(attempt: Attempt, script: Script, where: str) -> Tally:
    """Byte for byte what the script wrote; the beginning of it, if it was not let go to its end."""
    content: dict[Stream, bytes] = defaultdict(bytes)
    digest, size = hashlib.sha256(), 0
    for runs in stored_runs(attempt.pk):
        for run in runs:
            content[run.stream] += run.data
            digest.update(run.data)
            size += len(run.data)
    assert size == attempt.log_bytes
    if attempt.outcome == "exited":
        assert content[Stream.STDOUT] == script.stdout, f"The log of {where}, is not what was printed."
        assert content[Stream.STDERR] == script.stderr, f"The log of {where}, is not what was printed."
        assert attempt.log_sha256 == digest.hexdigest()
    else:
        assert script.stdout.startswith(content[Stream.STDOUT]), f"The log of {where}, has other bytes."
        assert script.stderr.startswith(content[Stream.STDERR]), f"The log of {where}, has other bytes."
    return Tally(lines=attempt.log_lines, bytes=size)


def everything_is_free(machine: Machine) -> None:
    """Waits until nobody holds a slot of a worker any more."""

    def free() -> bool:
        return Machine.objects.filter(pk=machine.pk, busy_slots=0).exists()

    wait_for(free, seconds=PATIENCE)
    assert not Attempt.objects.filter(machine=machine, state__in=LIVE).exists()
    assert not Machine.objects.filter(busy_slots__gt=F("slots")).exists()
