"""What a database needs to know after it went back in time: agents and scripts did not.

Between the backup and now steps have run that this database believes to be queued, waiting, or just being
given to a worker. None of them may start by itself: everything is paused until a person has looked, and
what was on its way to a worker counts as something that may have run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import connection, transaction

from accounts.services import events
from spaces.models import Space
from tasks.models import ACTIVE, Attempt, AttemptState, Node, Pause, PauseMode, ServerTask, TaskState
from tasks.services import pauses
from workers.models import EnrolmentCode

#: Numbers left out after a restore, so that a link to a run of the lost time never opens another run.
TASK_ID_MARGIN = 1_000
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Held:
    """Runs that were not at their end when the backup was made."""

    queued: int
    active: int


@transaction.atomic
def hold(*, made_at: datetime, now: datetime) -> Held:
    """Once after each restore, before any server sees the database."""
    _keep_from_being_given_away(now)
    _pause(made_at, now)
    _skip_task_ids()
    _forget_the_moment(now)
    _record(made_at)
    return Held(
        queued=ServerTask.objects.filter(state=TaskState.QUEUED).count(),
        active=ServerTask.objects.filter(state__in=ACTIVE).count(),
    )


def _keep_from_being_given_away(now: datetime) -> None:
    """An assignment would be sent again, or taken back and given to another worker, though its worker may
    have run it since. Accepted, it is settled with the worker: it holds the attempt, or nobody knows."""
    rows = Attempt.objects.filter(state=AttemptState.ASSIGNED)
    rows.update(state=AttemptState.ACCEPTED, accepted_at=now)


def _pause(made_at: datetime, now: datetime) -> None:
    reason = (
        f"Restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC. Queued runs and steps may have run since: "
        "look through the queue, cancel what has run, then resume."
    )
    everything = pauses.of(None)
    before = everything.first()
    reason += f" Paused before that: {before.reason}" if before else ""
    everything.delete()
    Pause.objects.create(
        mode=PauseMode.PAUSE, reason=reason[:_LONGEST_REASON], created_by_name="system", created_at=now
    )


def _skip_task_ids() -> None:
    table = ServerTask._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [TASK_ID_MARGIN, table]
            )
        else:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
            [sequence] = cursor.fetchone()
            cursor.execute("SELECT setval(%s, nextval(%s) + %s)", [sequence, sequence, TASK_ID_MARGIN])


def _forget_the_moment(now: datetime) -> None:
    """What was true for minutes at most: who was signed in, which codes were out, which nodes ran."""
    Session.objects.all().delete()
    EnrolmentCode.objects.filter(used_at=None).delete()
    Node.objects.filter(stopped_at=None).update(stopped_at=now)


def _record(made_at: datetime) -> None:
    message = f"Restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC. Everything is paused."
    for space in Space.objects.all():
        events.record(user=None, category="Restored", subject=space, space=space, message=message)
