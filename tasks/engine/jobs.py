"""The job functions: the same whatever drives them. Each looks at the rows and does what is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from protocol import ABANDON_SECONDS, ACCEPT_SECONDS
from tasks.engine import admission, attempts, placement
from tasks.engine.drivers.base import Job
from tasks.models import Attempt, AttemptState
from workers.services import machines


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
    _take_back_unaccepted(now=now)
    _give_up_cancelled(now=now)
    admission.admit(now=now)
    placement.place_all(now=now)


def recover() -> None:
    """Once, when an engine starts: nobody is connected to this process yet, and slots are counted anew."""
    machines.forget_connections(timezone.now())
    placement.recount()


def _take_back_unaccepted(*, now: datetime) -> None:
    deadline = now - timedelta(seconds=ACCEPT_SECONDS)
    rows = Attempt.objects.filter(state=AttemptState.ASSIGNED, assigned_at__lt=deadline)
    for attempt in rows.select_related("execution__task", "machine"):
        attempts.take_back(attempt, now=now)


def _give_up_cancelled(*, now: datetime) -> None:
    deadline = now - timedelta(seconds=ABANDON_SECONDS)
    rows = Attempt.objects.filter(
        state=AttemptState.LOST, cancel_requested=True, machine__last_seen_at__lt=deadline
    )
    for attempt in rows.select_related("execution__task", "machine"):
        attempts.give_up(attempt, now=now)
