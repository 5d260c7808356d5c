"""How far runs are, and where: from their steps, for many runs in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypedDict

from tasks.models import Execution, StepState

_GOING = (
    StepState.RUNNING,
    StepState.WAITING,
    StepState.RETRYING,
    StepState.INTERRUPTED,
    StepState.UNKNOWN,
)
_WAITS = (StepState.WAITING, StepState.RETRYING, StepState.INTERRUPTED)
_UNTOUCHED = (StepState.PENDING, StepState.SKIPPED)


class _Step(TypedDict):
    task_id: int
    number: int
    state: str
    pool_name: str
    machine_name: str


@dataclass(frozen=True)
class Progress:
    """`number` is the step that runs, waits or ran last, out of `steps`; 0 before the first one."""

    number: int = 0
    steps: int = 0
    pool: str = ""
    worker: str = ""
    is_waiting: bool = False

    @property
    def done(self) -> float:
        """Steps that are behind; the one that goes on counts half."""
        return max(self.number - 0.5, 0)

    @property
    def words(self) -> str:
        if not self.number:
            return "Starting"
        return f"{'Waiting, step' if self.is_waiting else 'Step'} {self.number} of {self.steps}"


def progress_of(task_ids: Collection[int]) -> dict[int, Progress]:
    """By task id, for tasks that the caller has already been allowed to see."""
    steps: dict[int, list[_Step]] = defaultdict(list)
    found = Execution.objects.filter(task_id__in=task_ids).order_by("task_id", "number")
    for row in found.values("task_id", "number", "state", "pool_name", "machine_name"):
        steps[row["task_id"]].append(row)
    return {task_id: _progress(rows) for task_id, rows in steps.items()}


def _progress(rows: Sequence[_Step]) -> Progress:
    touched = [row for row in rows if row["state"] not in _UNTOUCHED]
    going = [row for row in touched if row["state"] in _GOING]
    current = going[0] if going else touched[-1] if touched else None
    if current is None:
        return Progress(
            steps=len(rows), pool=next((row["pool_name"] for row in rows if row["pool_name"]), "")
        )
    return Progress(
        number=current["number"],
        steps=len(rows),
        pool=current["pool_name"],
        worker=current["machine_name"],
        is_waiting=current["state"] in _WAITS,
    )
