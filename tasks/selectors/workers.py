"""What a worker runs and has run."""

from __future__ import annotations

from django.db.models import QuerySet

from tasks.models import LIVE, Attempt
from workers.models import Machine

RECENT = 20


def running_on(machine: Machine) -> QuerySet[Attempt]:
    """The steps that hold its slots, newest first."""
    return _attempts(machine).filter(state__in=LIVE)


def recent_on(machine: Machine) -> QuerySet[Attempt]:
    """The last 20 steps that have ended, newest first."""
    return _attempts(machine).exclude(state__in=LIVE)[:RECENT]


def _attempts(machine: Machine) -> QuerySet[Attempt]:
    found = Attempt.objects.filter(machine=machine).order_by("-assigned_at")
    return found.select_related("execution__task__environment").defer("execution__task__plan")
