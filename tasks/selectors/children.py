"""Tasks that started each other, for the pages of both."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from tasks.models import Child, ServerTask


@dataclass(frozen=True)
class Parent:
    """The step that started a task."""

    task_id: int
    task_name: str
    number: int
    step: str
    is_awaited: bool


def with_parent(tasks: QuerySet[ServerTask]) -> QuerySet[ServerTask]:
    """With what `parent_of` needs, so that it asks nothing more."""
    step = "started_by__attempt__execution"
    return tasks.select_related(f"{step}__task").defer(f"{step}__task__plan")


def parent_of(task: ServerTask) -> Parent | None:
    link: Child | None = getattr(task, "started_by", None)
    if link is None:
        return None
    step = link.attempt.execution
    return Parent(step.task_id, step.task.name, step.number, step.name, link.is_awaited)


def children_of(task: ServerTask) -> dict[int, ServerTask]:
    """The task that each step started last, by the number of the step."""
    rows = Child.objects.filter(attempt__execution__task=task).select_related("task", "attempt__execution")
    found = rows.defer("task__plan").order_by("attempt__epoch")
    return {one.attempt.execution.number: one.task for one in found}
