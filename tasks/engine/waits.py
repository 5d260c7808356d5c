"""Keeps why a run had to wait in the queue, when it leaves it: by then whoever it waited for is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from common.prepared import Param, Rows
from common.times import duration_words
from domain.queue import PauseRule, QueuedRun
from domain.waits import WORTH_SAYING, Before, LastLook, reason, waited_since
from protocol.log import Level
from tasks.engine.notes import note
from tasks.models import NamedLock, ServerTask
from tasks.selectors import lines

_place_before = Rows(
    lambda: (
        ServerTask.objects.filter(slot_key=Param("slot"), completed_at__gt=Param("since"))
        .order_by("-completed_at")
        .values_list("pk", "completed_at")[:1]
    )
)


class _Looks:
    """Of this node: it knows what it met; what it met before it was started again is forgotten."""

    def __init__(self) -> None:
        self.last, self.current = LastLook(), LastLook()

    def begin(self, now: datetime, pauses: Collection[PauseRule]) -> None:
        over = tuple(one for one in self.current.pauses if one not in pauses)
        self.last = replace(self.current, pauses=over)
        self.current = LastLook(now, pauses=tuple(pauses))

    def met_no_room(self) -> None:
        self.current = replace(self.current, was_full=True)


_looks = _Looks()
looked, met_no_room = _looks.begin, _looks.met_no_room


def note_wait(run: QueuedRun, slot: str, *, now: datetime) -> None:
    """In the transaction that takes the run out of the queue and into this place of its key. The rule is
    `domain.waits.reason`."""
    if run.queued_at is None:
        return
    since = waited_since(run.queued_at, run.start_at)
    if now - since < WORTH_SAYING:
        return
    last = _looks.last
    run = lines.with_pools(run, [one.pool for one in last.pauses if one.pool is not None])
    why = reason(run, list(_before(run, slot, since)), last)
    note(run.id, f"Waited {duration_words(now - since)}{why}", now=now, level=Level.WAIT)


def _before(run: QueuedRun, slot: str, since: datetime) -> Iterable[Before]:
    for pk, until in _place_before(slot=slot, since=since):
        yield Before(pk, until)
    if run.locks:
        wanted = NamedLock.objects.filter(space_id=run.space, name__in=[wish.name for wish in run.locks])
        rows = wanted.filter(released_at__gt=since)
        for name, pk, until in rows.values_list("name", "last_task_id", "released_at"):
            if pk and until:
                yield Before(pk, until, lock=name)
