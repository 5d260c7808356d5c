"""The job functions: the same whatever drives them. Each looks at the rows and does what is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from protocol import ABANDON_SECONDS, ACCEPT_SECONDS
from tasks.engine import admission, attempts, delivery, placement
from tasks.engine.drivers.base import Job
from tasks.models import Attempt, AttemptState
from workers.services import machines

#: How long an assignment or a cancellation may stay unanswered before it is sent again.
RESEND = timedelta(seconds=2)
ACCEPT_WITHIN = timedelta(seconds=ACCEPT_SECONDS)
ABANDON_AFTER = timedelta(seconds=ABANDON_SECONDS)


def run(job: Job) -> None:
    now = timezone.now()
    match job:
        case Job.ADMIT:
            admission.admit(now=now)
        case Job.PLACE:
            placement.place_all(now=now)
        case Job.SWEEP:
            sweep(now=now)


def sweep(*, now: datetime) -> None:
    """Everything that time alone brings about, and whatever a lost request left lying."""
    for machine in machines.expire_leases(now=now):
        attempts.lose_contact(machine.pk, now=now)
    for attempt in attempts.in_need_of_attention(unanswered_since=now - RESEND):
        _attend(attempt, now=now)
    admission.admit(now=now)
    placement.place_all(now=now)


def _attend(attempt: Attempt, *, now: datetime) -> None:
    """An assignment or a cancellation that the agent has not answered. The frame may have been lost, or
    asked for by a process that has no way to the agent's socket; agents take a repetition calmly."""
    if attempt.state == AttemptState.ASSIGNED and attempt.assigned_at < now - ACCEPT_WITHIN:
        attempts.take_back(attempt, now=now)
    elif attempt.state == AttemptState.ASSIGNED:
        delivery.assign(attempt, attempt.execution)
    elif attempt.machine is None or not attempt.machine.seen_since(now - ABANDON_AFTER):
        attempts.give_up(attempt, now=now)
    else:
        delivery.cancel(attempt)


def recover() -> None:
    """Once, when an engine starts: nobody is connected to this process yet, and slots are counted anew."""
    machines.forget_connections(timezone.now())
    placement.recount()
