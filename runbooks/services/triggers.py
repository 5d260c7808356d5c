"""The only writer of what people decide about triggers; `firing` writes what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from common import live
from domain.answers import Answer
from domain.codec import decode, encode
from domain.schedules import BadSchedule, Schedule, following, sentence
from environments.models import Environment
from projects.models import Project
from projects.places import places_for
from projects.services.projects import NameTaken
from runbooks.models import Runbook, ScheduledTrigger
from tenants.models import Tenant
from variables.services import prompts, variable_sets


@dataclass(frozen=True)
class TriggerFields:
    """What a person says of a trigger."""

    name: str
    schedule: Schedule
    environments: Sequence[Environment]
    tenants: Sequence[Tenant] = ()
    is_enabled: bool = True
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)


@transaction.atomic
def create(*, runbook: Runbook, fields: TriggerFields, user: User, now: datetime) -> ScheduledTrigger:
    """Its runs are started in the name of `user`.

    Raises `NameTaken`, `BadSchedule`, `projects.places.NoPlace` or NotAllowed.
    """
    trigger = ScheduledTrigger(runbook=runbook)
    _write(trigger, fields, user=user, now=now)
    _record(user, "Created", trigger, f"Created trigger {_described(trigger)}: {sentence(fields.schedule)}.")
    return trigger


@transaction.atomic
def edit(trigger: ScheduledTrigger, *, fields: TriggerFields, user: User, now: datetime) -> None:
    """From now on its runs are started in the name of `user`, who answers for what it does. Raises as
    `create` does."""
    _write(trigger, fields, user=user, now=now)
    _record(user, "Modified", trigger, f"Changed trigger {_described(trigger)}: {sentence(fields.schedule)}.")


@transaction.atomic
def enable(trigger: ScheduledTrigger, *, user: User, now: datetime) -> None:
    """Counts from now, in the name of `user`. Raises `BadSchedule` or NotAllowed."""
    require(user, Permission.RUN, trigger.runbook)
    lock(trigger.runbook)
    trigger.is_enabled, trigger.run_as = True, user
    trigger.next_at = _next(trigger.schedule, now=now)
    _settle(trigger)
    trigger.save(update_fields=[*_SETTLED, "is_enabled", "run_as", "next_at", "updated_at"])
    _record(user, "Enabled", trigger, f"Enabled trigger {_described(trigger)}.")


@transaction.atomic
def disable(trigger: ScheduledTrigger, *, user: User | None, reason: str = "") -> None:
    """Without a user it is the server that does so, for a reason that the page shows."""
    lock(trigger.runbook)
    trigger.is_enabled, trigger.next_at, trigger.disabled_reason = False, None, reason
    trigger.save(update_fields=["is_enabled", "next_at", "disabled_reason", "updated_at"])
    why = f": {reason}" if reason else "."
    _record(user, "Disabled", trigger, f"Disabled trigger {_described(trigger)}{why}")


@transaction.atomic
def delete(trigger: ScheduledTrigger, *, user: User) -> None:
    lock(trigger.runbook)
    _record(user, "Deleted", trigger, f"Deleted trigger {_described(trigger)}.")
    trigger.delete()


def lock(runbook: Runbook) -> None:
    """Writers of a project's triggers take turns, in the order in which a deletion of the project locks."""
    Project.objects.select_for_update().get(pk=runbook.project_id)


def nudge(trigger: ScheduledTrigger) -> None:
    live.nudge(trigger.runbook.project.space_id, "tasks")


_SETTLED = ("problem", "problem_at", "disabled_reason")


def _settle(trigger: ScheduledTrigger) -> None:
    """A person has looked at it: what was wrong before is over."""
    trigger.problem, trigger.problem_at, trigger.disabled_reason = "", None, ""


def _write(trigger: ScheduledTrigger, fields: TriggerFields, *, user: User, now: datetime) -> None:
    project = trigger.runbook.project
    require(user, Permission.RUN, trigger.runbook)
    lock(trigger.runbook)
    places_for(project, environments=fields.environments, tenants=fields.tenants)
    _set_schedule(trigger, fields.schedule)
    trigger.name, trigger.is_enabled, trigger.run_as = fields.name, fields.is_enabled, user
    trigger.answers = _answers(trigger, fields.answers)
    next_at = _next(fields.schedule, now=now)
    trigger.next_at = next_at if fields.is_enabled else None
    _settle(trigger)
    _save(trigger)
    trigger.environments.set(fields.environments)
    trigger.tenants.set(fields.tenants)


def _answers(trigger: ScheduledTrigger, given: Mapping[str, str]) -> dict[str, Any]:
    """As the row keeps them. Of a secret that is not typed anew the earlier one stays."""
    published = trigger.runbook.published
    asking = variable_sets.candidates(published.variables) if published else []
    found = prompts.answers(asking, given, earlier=answers_of(trigger))
    return {name: encode(answer) for name, answer in found.items()}


def answers_of(trigger: ScheduledTrigger) -> dict[str, Answer]:
    """What its runs answer to prompts."""
    return {name: decode(Answer, one) for name, one in trigger.answers.items()}


def _set_schedule(trigger: ScheduledTrigger, schedule: Schedule) -> None:
    trigger.kind, trigger.timezone, trigger.at = schedule.kind.value, schedule.timezone, schedule.at
    trigger.days, trigger.month_days = sorted(schedule.days), sorted(schedule.month_days)
    trigger.minutes, trigger.cron = schedule.minutes, schedule.cron


def _next(schedule: Schedule, *, now: datetime) -> datetime:
    found = following(schedule, after=now)
    if found is None:
        raise BadSchedule("cron", "This never comes.")
    return found


#: Not what firing writes: it may have fired since this row was read.
_WRITTEN = (
    *_SETTLED,
    *("name", "is_enabled", "run_as", "next_at", "updated_at", "answers"),
    *("kind", "timezone", "at", "days", "minutes", "month_days", "cron"),
)


def _save(trigger: ScheduledTrigger) -> None:
    others = ScheduledTrigger.objects.filter(runbook_id=trigger.runbook_id, name__iexact=trigger.name)
    if others.exclude(pk=trigger.pk).exists():
        raise NameTaken
    try:
        with transaction.atomic():
            trigger.save(update_fields=_WRITTEN if trigger.pk else None)
    except IntegrityError as error:
        raise NameTaken from error


def _described(trigger: ScheduledTrigger) -> str:
    return f"{trigger.name} of {trigger.runbook.name}"


def _record(user: User | None, category: str, trigger: ScheduledTrigger, message: str) -> None:
    space = trigger.runbook.project.space
    events.record(user=user, category=category, subject=trigger, message=message, space=space)
    nudge(trigger)
