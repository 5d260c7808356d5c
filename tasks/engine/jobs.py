"""The job functions: the same whatever drives them. Each looks at the rows and does what is due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

from protocol import ABANDON_SECONDS, ACCEPT_SECONDS
from tasks.engine import admission, contact, delivery, due, node, placement, serving, timers, upkeep
from tasks.engine.drivers.base import Job
from tasks.engine.held import HeldAttempt
from tasks.models import AttemptState
from tasks.services import log_archives, retention
from workers.services import machines

#: How long an assignment or a cancellation may stay unanswered before it is sent again.
RESEND = timedelta(seconds=2)
ACCEPT_WITHIN = timedelta(seconds=ACCEPT_SECONDS)
#: Sweeps that a node leaves to another one before it looks for itself.
MOST_PASSED_ON = 10
ABANDON_AFTER = timedelta(seconds=ABANDON_SECONDS)


def run(job: Job) -> None:
    now = timezone.now()
    match job:
        case Job.ADMIT:
            admission.admit(now=now)
        case Job.PLACE:
            placement.place_all(now=now)
        case Job.SERVE:
            serving.serve(now=now)
        case Job.SWEEP:
            sweep(now=now)
        case Job.TIDY:
            tidy(now=now)


def sweep(*, now: datetime) -> None:
    """Everything that time alone brings about, and whatever a lost request left lying."""
    with alone(_SWEEPING) as is_alone:
        if is_alone:
            _sweep(now=now)
    # By every node for itself: each has room of its own.
    admission.admit(now=now)


def _sweep(*, now: datetime) -> None:
    """What concerns all nodes, and is worth doing once."""
    for machine in machines.expire_leases(now=now):
        contact.lose_contact(machine.pk, now=now)
    for attempt in contact.in_need_of_attention(unanswered_since=now - RESEND):
        _attend(attempt, now=now)
    due.run(now=now)
    timers.run_due(now=now)
    upkeep.run(now=now)
    serving.serve(now=now)
    placement.place_all(now=now)


def tidy(*, now: datetime) -> None:
    """What may take its time, on one node at a time."""
    with alone(_TIDYING) as is_alone:
        if is_alone:
            log_archives.archive_due(now=now)
            retention.apply(now=now)


@contextmanager
def alone(lock: int) -> Iterator[bool]:
    """Whether no other node is in this block. Nobody waits: who comes second passes on, but not for ever,
    because the other one may stand still."""
    if connection.vendor != "postgresql":
        yield True
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        has_lock = bool(cursor.fetchone()[0])
    _passed_on[lock] = 0 if has_lock else _passed_on.get(lock, 0) + 1
    try:
        yield has_lock or _passed_on[lock] > MOST_PASSED_ON
    finally:
        if has_lock:
            # On a connection that broke meanwhile this fails too; the lock went with it.
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


_SWEEPING = 0x6F63_7365_6E74
_TIDYING = 0x6F63_7469_6479
_passed_on: dict[int, int] = {}


def _attend(attempt: HeldAttempt, *, now: datetime) -> None:
    """An assignment or a cancellation that the agent has not answered. The frame may have been lost, or
    asked for by a process that has no way to the agent's socket; agents take a repetition calmly."""
    if attempt.state == AttemptState.ASSIGNED and attempt.assigned_at < now - ACCEPT_WITHIN:
        contact.take_back(attempt, now=now)
    elif attempt.state == AttemptState.ASSIGNED:
        delivery.assign_again(attempt)
    elif attempt.seen_at is None or attempt.seen_at < now - ABANDON_AFTER:
        contact.give_up(attempt, now=now)
    else:
        delivery.cancel(attempt)


def recover() -> None:
    """Once, when a node starts: nobody is connected to it yet, and slots are counted anew. What was
    connected to no node at all dates from a version that did not say."""
    for name in {node.current().name, ""}:
        machines.forget_connections(name, now=timezone.now())
    placement.recount()
