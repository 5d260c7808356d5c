from __future__ import annotations

from datetime import time

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from domain.schedules import Schedule, ScheduleKind
from runbooks.models.runbook import Runbook
from spaces.models import SpaceOwnedQuerySet


class TriggerKind(models.TextChoices):
    DAYS = ScheduleKind.DAYS.value, "On days of the week"
    EVERY = ScheduleKind.EVERY.value, "Every so many minutes or hours"
    MONTH_DAYS = ScheduleKind.MONTH_DAYS.value, "On days of the month"
    CRON = ScheduleKind.CRON.value, "Cron expression"


class ScheduledTrigger(models.Model):
    """Starts the published snapshot of a runbook at the times of a schedule.

    A row is due while it is enabled and `next_at` is over. Whoever moves `next_at` on from the value that
    was seen has the start to itself; see `runbooks.services.firing`.
    """

    Kind = TriggerKind

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="triggers")
    name = models.CharField(max_length=120)
    is_enabled = models.BooleanField(default=True)

    kind = models.CharField(max_length=20, choices=TriggerKind.choices, default=TriggerKind.DAYS)
    timezone = models.CharField(max_length=64, default="UTC")
    at = models.TimeField(default=time(2, 0), help_text="For days of the week and of the month.")
    days = models.JSONField(default=list, help_text="1 Monday to 7 Sunday.")
    minutes = models.PositiveIntegerField(default=60, help_text="Between two starts.")
    month_days = models.JSONField(default=list, help_text="1 to 31; -1 is the last day.")
    cron = models.CharField(max_length=200, blank=True)

    environments = models.ManyToManyField("environments.Environment", related_name="+")
    tenants = models.ManyToManyField("tenants.Tenant", blank=True, related_name="+")
    answers = models.JSONField(
        default=dict,
        blank=True,
        help_text="To prompts: domain.answers.Answer by the key of the name, secrets sealed.",
    )
    run_as = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    next_at = models.DateTimeField(null=True, blank=True)
    last_fired_at = models.DateTimeField(null=True, blank=True)
    last_task_ids = models.JSONField(default=list, blank=True, help_text="What it started then.")
    problem = models.TextField(blank=True, help_text="Why the last time came to nothing, or to less.")
    problem_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.TextField(blank=True, help_text="Why the server disabled it.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "runbook",
                Lower("name"),
                name="runbooks_trigger_name",
                violation_error_message="This runbook has a trigger of this name.",
            )
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(is_enabled=True), name="runbooks_trigger_due")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            kind=ScheduleKind(self.kind),
            timezone=self.timezone,
            at=self.at,
            days=frozenset(self.days),
            minutes=self.minutes,
            month_days=frozenset(self.month_days),
            cron=self.cron,
        )
