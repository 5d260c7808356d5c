"""What the server itself has to say in a run's story."""

from __future__ import annotations

from datetime import datetime

from common.prepared import Insert
from protocol.log import Level
from tasks.models import TaskEvent

_insert_event = Insert(TaskEvent)


def note(
    task_id: int, message: str, *, now: datetime, number: int | None = None, level: Level = Level.INFO
) -> None:
    """A line of the server's own in a run's story."""
    event = {"task_id": task_id, "number": number, "occurred_at": now, "level": level, "message": message}
    _insert_event([event])
