"""Triggers as pages show them, and as what keeps other things from being deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import QuerySet
from django.urls import reverse

from common.usage import Use
from domain.schedules import BadSchedule, Schedule, next_times, sentence
from environments.models import Environment
from projects.models import Project
from runbooks.models import Runbook, ScheduledTrigger
from tasks.models import ServerTask
from tenants.models import Tenant

NEXT_TIMES = 5


@dataclass(frozen=True)
class Moment:
    """A time as it is on clocks in the schedule's zone, and the instant itself."""

    instant: datetime
    words: str


@dataclass(frozen=True)
class Preview:
    """What a schedule means: its sentence and its next times, or what is wrong with it."""

    sentence: str = ""
    times: tuple[Moment, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Row:
    trigger: ScheduledTrigger
    sentence: str
    next: Moment | None
    tasks: tuple[ServerTask, ...]


def of_runbook(runbook: Runbook) -> list[Row]:
    return _rows(ScheduledTrigger.objects.filter(runbook=runbook))


def of_project(project: Project, user: object) -> list[Row]:
    triggers = ScheduledTrigger.objects.visible_to(user).filter(runbook__project=project)
    return _rows(triggers.order_by("runbook__name", "name"))


def preview(schedule: Schedule, *, now: datetime) -> Preview:
    try:
        times = next_times(schedule, after=now, count=NEXT_TIMES)
        return Preview(sentence(schedule), tuple(moment(one, schedule.timezone) for one in times))
    except BadSchedule as problem:
        return Preview(problem=str(problem))


def moment(instant: datetime, timezone: str) -> Moment:
    local = instant.astimezone(ZoneInfo(timezone))
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return Moment(instant, f"{local:%a} {local.day} {local:%b} {local.year}, {clock} {local:%Z}")


def _rows(triggers: QuerySet[ScheduledTrigger]) -> list[Row]:
    found = list(
        triggers.select_related("runbook__project", "run_as").prefetch_related("environments", "tenants")
    )
    tasks = _tasks(found)
    return [_row(trigger, tasks) for trigger in found]


def _tasks(triggers: Sequence[ScheduledTrigger]) -> dict[int, ServerTask]:
    ids = {pk for trigger in triggers for pk in trigger.last_task_ids}
    found = ServerTask.objects.filter(pk__in=ids).select_related("environment", "tenant").defer("plan")
    return {task.pk: task for task in found}


def _row(trigger: ScheduledTrigger, tasks: dict[int, ServerTask]) -> Row:
    shown = preview(trigger.schedule, now=trigger.updated_at)
    return Row(
        trigger=trigger,
        sentence=shown.sentence or shown.problem,
        next=moment(trigger.next_at, trigger.timezone) if trigger.next_at and not shown.problem else None,
        tasks=tuple(tasks[pk] for pk in trigger.last_task_ids if pk in tasks),
    )


def count(**which: models.Model) -> int:
    return ScheduledTrigger.objects.filter(**which).count()


# What stands against a deletion.


def uses_of_runbook(runbook: Runbook) -> Iterable[Use]:
    return _uses(ScheduledTrigger.objects.filter(runbook=runbook))


def uses_of_environment(environment: models.Model) -> Iterable[Use]:
    assert isinstance(environment, Environment)  # noqa: S101  # registered for this model alone
    return _uses(ScheduledTrigger.objects.filter(environments=environment))


def uses_of_tenant(tenant: models.Model) -> Iterable[Use]:
    assert isinstance(tenant, Tenant)  # noqa: S101  # registered for this model alone
    return _uses(ScheduledTrigger.objects.filter(tenants=tenant))


def _uses(triggers: QuerySet[ScheduledTrigger]) -> Iterable[Use]:
    for trigger in triggers.select_related("runbook__project"):
        runbook = trigger.runbook
        url = reverse("trigger_edit", args=[runbook.project.slug, runbook.slug, trigger.pk])
        yield Use("Trigger", f"{trigger.name} of {runbook.name}", url)
