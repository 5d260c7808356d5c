"""Ends what runs on a worker, or takes back what has not started there."""

from __future__ import annotations

from datetime import datetime

from tasks.engine import delivery, placement
from tasks.engine.drivers.base import Job, request
from tasks.engine.held import HeldAttempt, live_of
from tasks.models import Attempt, AttemptState

NEVER_STARTED = "It was stopped before it started."


def stop(execution_id: int, *, timed_out: bool, now: datetime) -> bool:
    """Asks for the end of a running step. True if it has ended by that: one that the worker has not
    accepted starts only after the server confirmed, which from here on it never will."""
    attempt = live_of(execution_id)
    if attempt is None:
        return False
    wanted = {"cancel_requested": True, "timed_out": timed_out or attempt.timed_out}
    Attempt.objects.filter(pk=attempt.id).update(**wanted)
    if attempt.state == AttemptState.ASSIGNED and withdraw(attempt, reason=NEVER_STARTED, now=now):
        return True
    delivery.cancel(attempt)
    return False


def stop_serving(execution_id: int, *, timed_out: bool) -> None:
    """Asks for the end of a step that the server does."""
    attempts = Attempt.objects.filter(execution=execution_id, state=AttemptState.SERVING)
    attempts.update(cancel_requested=True, **({"timed_out": True} if timed_out else {}))
    request(Job.SERVE)


def withdraw(attempt: HeldAttempt, *, reason: str, now: datetime) -> bool:
    """Takes back an assignment that the worker has not accepted; False if it has by now."""
    rows = Attempt.objects.filter(pk=attempt.id, state=AttemptState.ASSIGNED)
    if rows.update(state=AttemptState.WITHDRAWN, finished_at=now) != 1:
        return False
    placement.release(attempt)
    delivery.forget(attempt, reason=reason)
    return True
