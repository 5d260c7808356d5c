"""Starts what triggers are due to start, once, whatever the number of nodes that look."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import QuerySet

from accounts.permissions import Permission, can
from accounts.services import events
from common.prepared import Param, Rows
from common.times import duration_words
from domain.plans import Severity
from domain.schedules import BadSchedule, following
from environments.models import Environment
from projects.models import Project
from projects.places import NoPlace, places_for
from projects.services.runs import PlacePlan, RunRefused, plan
from runbooks.models import ScheduledTrigger
from runbooks.services import runs, triggers
from tasks.services.options import Wishes
from tenants.models import Tenant

logger = logging.getLogger("octoworkers.triggers")

#: A start that is missed by more is left out: what was meant for the night should not begin at noon.
GRACE = timedelta(hours=1)
#: Triggers that one look fires; the others come a second later, so that the engine's sweep goes on.
AT_ONCE = 50

NOTHING_PUBLISHED = "The runbook has no published snapshot. Publish one, and the next start will run it."
SERVER_ERROR = "The server met an error when it started this; its log says more."


@dataclass
class Outcome:
    """What came of one firing."""

    task_ids: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def problem(self) -> str:
        return " ".join(self.problems)


_due = Rows(
    lambda: (
        ScheduledTrigger.objects.filter(is_enabled=True, next_at__lte=Param("now"))
        .order_by("next_at")
        .values_list("pk", "runbook__project_id", "next_at")[:AT_ONCE]
    )
)


def fire_due(*, now: datetime) -> None:
    """A timer of the engine; see `tasks.engine.timers`."""
    for pk, project_id, seen in _due(now=now):
        if seen is not None:
            _fire_or_say(pk, project_id, seen, now=now)


def _fire_or_say(pk: int, project_id: int, seen: datetime, *, now: datetime) -> None:
    """No trigger may keep the others from firing, nor fail for ever without a word."""
    try:
        fire(pk, project_id, seen, now=now)
    except DatabaseError:
        logger.exception("Trigger %s could not be fired and is tried again.", pk)
    except Exception:
        logger.exception("Trigger %s could not be fired.", pk)
        _give_up(pk, project_id, seen, now=now)


@transaction.atomic
def fire(pk: int, project_id: int, seen: datetime, *, now: datetime) -> bool:
    """Starts the runs of the time that was seen as due. False where somebody else has done so, or where
    the trigger has been changed since."""
    trigger = _claim(pk, project_id, seen, now=now)
    if trigger is None:
        return False
    if objection := _objection(trigger):
        triggers.disable(trigger, user=None, reason=objection)
        return True
    if now - seen > GRACE:
        _note(trigger, Outcome(problems=[_missed(trigger, seen, now)]), now=now)
    else:
        _note(trigger, _start(trigger, now=now), now=now)
    return True


def _claim(pk: int, project_id: int, seen: datetime, *, now: datetime) -> ScheduledTrigger | None:
    """Whoever moves `next_at` on from the value that was seen has this start to itself.

    Times between then and now are passed over with it: after a pause, one start stands for all.
    """
    if not Project.objects.select_for_update().filter(pk=project_id).exists():
        return None
    trigger = _rows().filter(pk=pk).first()
    if trigger is None:
        return None
    trigger.next_at = _following(trigger, now)
    claimed = ScheduledTrigger.objects.filter(pk=pk, is_enabled=True, next_at=seen)
    return trigger if claimed.update(next_at=trigger.next_at) == 1 else None


def _rows() -> QuerySet[ScheduledTrigger]:
    return ScheduledTrigger.objects.select_related("runbook__project__space", "runbook__published", "run_as")


def _following(trigger: ScheduledTrigger, now: datetime) -> datetime | None:
    try:
        return following(trigger.schedule, after=now)
    except BadSchedule:
        # It was good when it was saved: this system has lost the time zone. `_objection` says so.
        return None


def _objection(trigger: ScheduledTrigger) -> str:
    """Why it may never start anything again, until a person has changed that."""
    user = trigger.run_as
    if trigger.next_at is None:
        return f"Its schedule has no further time in {trigger.timezone}."
    if user is None:
        return "The user in whose name it ran has been deleted."
    if not user.is_active:
        return f"{user}, in whose name it ran, is not active any more."
    if not can(user, Permission.RUN, trigger.runbook):
        return f"{user}, in whose name it ran, has lost the right to {Permission.RUN.value}."
    return ""


def _missed(trigger: ScheduledTrigger, seen: datetime, now: datetime) -> str:
    zone = ZoneInfo(trigger.timezone)
    late = duration_words(now - seen)
    return (
        f"The start of {seen.astimezone(zone):%Y-%m-%d %H:%M} was left out: no server was there to make it, "
        f"and {late} later is too late."
    )


def _start(trigger: ScheduledTrigger, *, now: datetime) -> Outcome:
    """Where one environment lacks something, the others still get their runs."""
    outcome = Outcome()
    if trigger.runbook.published is None:
        outcome.problems.append(NOTHING_PUBLISHED)
        return outcome
    try:
        environments, tenants = list(trigger.environments.all()), _tenants(trigger, outcome)
        outcome.task_ids += _run(trigger, environments, tenants, now=now)
    except NoPlace as error:
        outcome.problems.append(str(error))
    except RunRefused as refusal:
        _start_possible(trigger, refusal.plans, outcome, now=now)
    return outcome


def _tenants(trigger: ScheduledTrigger, outcome: Outcome) -> list[Tenant]:
    """Those that it is for and that are not disabled. Raises `NoPlace`."""
    chosen = list(trigger.tenants.all())
    enabled = [tenant for tenant in chosen if not tenant.is_disabled]
    if chosen and not enabled:
        raise NoPlace("All its tenants are disabled.")
    outcome.problems += [f"Not for {one}: the tenant is disabled." for one in chosen if one.is_disabled]
    return enabled


def _start_possible(
    trigger: ScheduledTrigger, plans: Sequence[PlacePlan], outcome: Outcome, *, now: datetime
) -> None:
    for planned in plans:
        if not planned.plan.can_start:
            outcome.problems.append(_why_not(planned))
            continue
        place = planned.place
        try:
            tenants = [place.tenant] if place.tenant else []
            outcome.task_ids += _run(trigger, [place.environment], tenants, now=now)
        except (NoPlace, RunRefused) as error:
            outcome.problems.append(f"{place.label}: {error}")


def _run(
    trigger: ScheduledTrigger,
    environments: Sequence[Environment],
    tenants: Sequence[Tenant],
    *,
    now: datetime,
) -> list[int]:
    """The tasks that it has started: all or none. Raises `NoPlace` or `RunRefused`."""
    assert trigger.run_as is not None  # noqa: S101  # or `_objection` had spoken
    with transaction.atomic():
        started = runs.run(
            runbook=trigger.runbook,
            snapshot=trigger.runbook.published,
            environments=environments,
            tenants=tenants,
            user=trigger.run_as,
            now=now,
            wishes=Wishes(trigger_name=trigger.name, earlier=triggers.answers_of(trigger)),
        )
    return [task.pk for task in started]


def _why_not(planned: PlacePlan) -> str:
    errors = [one.message for one in planned.plan.problems if one.severity is Severity.ERROR]
    return f"{planned.place.label}: {errors[0]}"


def _note(trigger: ScheduledTrigger, outcome: Outcome, *, now: datetime) -> None:
    """What the page shows. A problem that lasts is audited once, not at each firing."""
    if outcome.problem and outcome.problem != trigger.problem:
        _audit(trigger, outcome.problem)
    trigger.problem, trigger.problem_at = outcome.problem, now if outcome.problem else None
    if outcome.task_ids:
        trigger.last_fired_at, trigger.last_task_ids = now, outcome.task_ids
    trigger.save(update_fields=["problem", "problem_at", "last_fired_at", "last_task_ids"])
    triggers.nudge(trigger)


def _audit(trigger: ScheduledTrigger, problem: str) -> None:
    events.record(
        user=None,
        category="Failed",
        subject=trigger,
        message=f"Trigger {trigger.name} of {trigger.runbook.name}: {problem}",
        space=trigger.runbook.project.space,
    )


def _give_up(pk: int, project_id: int, seen: datetime, *, now: datetime) -> None:
    """Goes on to the next time, lest an error of ours repeats every second."""
    try:
        with transaction.atomic():
            trigger = _claim(pk, project_id, seen, now=now)
            if trigger is not None:
                _note(trigger, Outcome(problems=[SERVER_ERROR]), now=now)
    except Exception:
        logger.exception("Trigger %s could not be moved on.", pk)


def objections(trigger: ScheduledTrigger) -> Iterator[str]:
    """Why it would start nothing, or less, if it were due now."""
    if trigger.runbook.published is None:
        yield NOTHING_PUBLISHED
        return
    environments, tenants = list(trigger.environments.all()), list(trigger.tenants.all())
    try:
        places = places_for(trigger.runbook.project, environments=environments, tenants=tenants)
    except NoPlace as error:
        yield str(error)
        return
    runnable = runs.runnable(trigger.runbook, trigger.runbook.published)
    for planned in plan(runnable, places, earlier=triggers.answers_of(trigger)):
        if not planned.plan.can_start:
            yield _why_not(planned)
