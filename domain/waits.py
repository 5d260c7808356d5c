"""Why a run that starts now had to wait in the queue, in words to be kept: whoever it waited for is gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.queue import PauseRule, QueuedRun, at_once

#: A shorter time in the queue is the way of things.
WORTH_SAYING = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Before:
    """The run that had what another one waited for, until then: the lock of this name, or without one a
    place among the runs of its key."""

    run: int
    until: datetime
    lock: str = ""


@dataclass(frozen=True, slots=True)
class LastLook:
    """What stood against runs when a node looked at the queue the last time. `at` is None where it never
    did."""

    at: datetime | None = None
    was_full: bool = False
    pauses: tuple[PauseRule, ...] = ()


def waited_since(queued_at: datetime, start_at: datetime | None) -> datetime:
    """A run that is scheduled for later waits from then on."""
    return max(queued_at, start_at) if start_at else queued_at


def reason(run: QueuedRun, before: Collection[Before], last: LastLook) -> str:
    """The end of a sentence that begins with "Waited 3 m 20 s". What was in its way to the last counts: a
    run that ended since the last look, or else what the last look met, or else the last run that was before
    it at all. `last.pauses` are those that are over by now."""
    newest = max(before, key=lambda one: one.until, default=None)
    if newest and (last.at is None or newest.until >= last.at):
        return _behind(run, newest)
    for pause in last.pauses:
        if pause.stops(run):
            return f": {pause.sentence_of_the_past}"
    if last.was_full:
        return ": the server was full."
    return _behind(run, newest) if newest else " in the queue."


def _behind(run: QueuedRun, before: Before) -> str:
    if before.lock:
        return f" for the lock {before.lock}, held by task {before.run}."
    return f" behind task {before.run}: {at_once(run.limit)}."
