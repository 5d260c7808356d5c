"""Tasks that steps of other tasks start: what stands against one, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.frames import OutputValue
from protocol.outputs import MAX_OUTPUT_NAME, within_limits
from tasks.models import UNFINISHED, Child, LockMode, OutputVariable, ServerTask, TaskState
from tasks.performers import Refused
from variables.services import sealing

FINAL = frozenset(set(TaskState) - set(UNFINISHED))
#: Tasks that start each other, one inside the other.
DEEPEST = 10


def ancestors(task: ServerTask) -> Iterator[ServerTask]:
    """The tasks that wait for this one, the nearest first; and the one that started it, if it does not
    wait."""
    links = Child.objects.select_related("attempt__execution__task").defer("attempt__execution__task__plan")
    found = links.filter(task=task).first()
    while found is not None:
        parent = found.attempt.execution.task
        yield parent
        found = links.filter(task=parent).first()


def check(parent: ServerTask, child: ServerTask, *, is_awaited: bool) -> None:
    """In the transaction in which a step of `parent` made `child`. Raises `Refused` where the two would wait
    for each other, or where tasks start tasks without an end."""
    chain = [parent, *ancestors(parent)]
    if len(chain) > DEEPEST:
        raise Refused(f"More than {DEEPEST} tasks would have started each other, one inside the other.")
    if not is_awaited or child.state in FINAL:
        return
    for one in chain:
        if child.concurrency_limit == 1 and child.concurrency_key == one.concurrency_key:
            raise Refused(
                f"It would wait for itself: {child.name} may not run beside {one.name} (task {one.pk}), "
                "which waits for it."
            )
        if name := _lock_in_the_way(child, one):
            raise Refused(
                f"It would wait for itself: task {one.pk} holds the lock {name} while it waits for "
                f"{child.name}, which needs it."
            )


def _lock_in_the_way(child: ServerTask, one: ServerTask) -> str:
    held = {lock["name"]: lock["mode"] for lock in one.locks}
    for lock in child.locks:
        mode = held.get(lock["name"])
        if mode is not None and LockMode.EXCLUSIVE in (mode, lock["mode"]):
            return str(lock["name"])
    return ""


def outputs_of(child: ServerTask) -> list[OutputValue]:
    """What the steps of a task have set, as output variables of the step that started it: by their own
    names, of which the last one counts, and as `Step.Name`."""
    rows = OutputVariable.objects.filter(execution__task=child).select_related("execution")
    found: dict[str, OutputValue] = {}
    for one in rows.order_by("execution__number", "id"):
        value = _plain(one)
        for name in (one.name, f"{one.execution.name}.{one.name}"):
            if len(name) <= MAX_OUTPUT_NAME:
                found[name] = OutputValue(name, value, one.is_sensitive)
    return list(within_limits(found.values()))


def _plain(output: OutputVariable) -> str:
    return sealing.unseal(output.value) if output.is_sensitive else output.value
