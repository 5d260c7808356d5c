"""Tasks that started each other, for the pages of both."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.models import Child, ServerTask


@dataclass(frozen=True)
class Parent:
    """The step that started a task."""

    task_id: int
    task_name: str
    number: int
    step: str
    is_awaited: bool


def parent_of(task: ServerTask) -> Parent | None:
    rows = Child.objects.filter(task=task).values_list(
        "attempt__execution__task_id",
        "attempt__execution__task__name",
        "attempt__execution__number",
        "attempt__execution__name",
        "is_awaited",
    )
    found = rows.first()
    return Parent(*found) if found else None


def children_of(task: ServerTask) -> dict[int, ServerTask]:
    """The task that each step started last, by the number of the step."""
    rows = Child.objects.filter(attempt__execution__task=task).select_related("task", "attempt__execution")
    found = rows.defer("task__plan").order_by("attempt__epoch")
    return {one.attempt.execution.number: one.task for one in found}
