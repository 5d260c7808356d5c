"""An attempt with what the engine needs of its surroundings, read in one statement: not a run's plan,
which is long, nor anything else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from common.prepared import Param, Rows
from tasks.models import LIVE, Attempt, AttemptState


class HeldAttempt(NamedTuple):
    """`worker` is the name that the machine had when it took the step; `channel` is where it is now.
    `target` is the name of the deployment target that the step is for, empty for none."""

    id: UUID
    epoch: int
    state: str
    assigned_at: datetime
    started_at: datetime | None
    cancel_requested: bool
    timed_out: bool
    log_lines: int
    machine_id: int | None
    execution_id: int
    number: int
    place: dict[str, int]
    step: str
    worker: str
    target: str
    pool_id: int | None
    task_id: int
    space_id: int
    queued_at: datetime
    channel: str
    machine_name: str
    seen_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


_COLUMNS = (
    "id",
    "epoch",
    "state",
    "assigned_at",
    "started_at",
    "cancel_requested",
    "timed_out",
    "log_lines",
    "machine_id",
    "execution_id",
    "execution__number",
    "execution__place",
    "execution__name",
    "execution__machine_name",
    "execution__target_name",
    "execution__pool_id",
    "execution__task_id",
    "execution__task__space_id",
    "execution__task__queued_at",
    "machine__channel",
    "machine__name",
    "machine__last_seen_at",
)
_of_machine = Rows(
    lambda: Attempt.objects.filter(
        pk=Param("id"), epoch=Param("epoch"), machine=Param("machine")
    ).values_list(*_COLUMNS)
)
_live_of = Rows(
    lambda: Attempt.objects.filter(execution=Param("execution"), state__in=LIVE).values_list(*_COLUMNS)
)

# Two statements, because databases find neither half of an OR in an index of its own.
_not_accepted = Rows(
    lambda: (
        Attempt.objects.filter(state=AttemptState.ASSIGNED, assigned_at__lt=Param("since"))
        .order_by("assigned_at")
        .values_list(*_COLUMNS)
    )
)
_cancelled = Rows(
    lambda: (
        Attempt.objects.filter(cancel_requested=True, state__in=LIVE)
        .order_by("assigned_at")
        .values_list(*_COLUMNS)
    )
)


def of_machine(machine_id: int, attempt_id: str, epoch: int) -> HeldAttempt | None:
    """A machine's own attempt; None for somebody else's, another epoch's, or none at all."""
    key = key_of(attempt_id)
    row = _of_machine.first(id=key, epoch=epoch, machine=machine_id) if key and fits(epoch) else None
    return HeldAttempt(*row) if row else None


def live_of(execution_id: int) -> HeldAttempt | None:
    """The attempt that is under way for a step."""
    row = _live_of.first(execution=execution_id)
    return HeldAttempt(*row) if row else None


def unanswered(*, since: datetime) -> list[HeldAttempt]:
    """Assignments that nobody has accepted since then, and cancellations that have not ended yet."""
    found = [HeldAttempt(*row) for row in (*_not_accepted(since=since), *_cancelled())]
    return list({attempt.id: attempt for attempt in found}.values())


def those_of(rows: QuerySet[Attempt]) -> Iterable[HeldAttempt]:
    """The attempts of any query."""
    return [HeldAttempt(*row) for row in rows.values_list(*_COLUMNS)]


def key_of(attempt_id: str) -> UUID | None:
    """None for what is no id."""
    try:
        return UUID(attempt_id)
    except ValueError:
        return None


def fits(epoch: int) -> bool:
    """Whether a database can hold the number at all; an agent may say anything."""
    return 0 <= epoch < 2**31


def is_running(attempt: HeldAttempt) -> bool:
    """Whether its script may have started."""
    return attempt.state in (AttemptState.ACCEPTED, AttemptState.RUNNING, AttemptState.LOST)
