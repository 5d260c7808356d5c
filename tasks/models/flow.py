"""What holds runs back, and what asks people."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from spaces.models import SpaceOwned
from tasks.models.execution import Execution
from tasks.models.task import ServerTask


class InterruptionKind(models.TextChoices):
    GUIDED_FAILURE = "GuidedFailure", "Guided failure"
    SETTLE = "Settle", "Unknown outcome"
    MANUAL = "ManualIntervention", "Manual intervention"


class Interruption(models.Model):
    """A question to people that a run waits for. `choices` are values of `domain.runs.Answer`."""

    Kind = InterruptionKind

    task = models.ForeignKey(ServerTask, on_delete=models.CASCADE, related_name="interruptions")
    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="interruptions")
    kind = models.CharField(max_length=30, choices=InterruptionKind.choices)
    text = models.TextField(help_text="What is asked: the failure, the evidence, the instructions.")
    choices = models.JSONField()
    opened_at = models.DateTimeField()
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answer = models.CharField(max_length=20, blank=True)
    notes = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_by_name = models.CharField(max_length=150, blank=True)
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="Answered, or the run ended without an answer."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["execution"], condition=Q(closed_at__isnull=True), name="tasks_one_open_interruption"
            )
        ]
        indexes = [
            models.Index(
                fields=["task"], condition=Q(closed_at__isnull=True), name="tasks_interruption_open"
            ),
            models.Index(fields=["task", "id"], name="tasks_interruption_task"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} in {self.execution}"


class NamedLock(SpaceOwned):
    """A lock that runs of different runbooks and projects share by its name (in lower case). Its row is
    locked while somebody decides who gets it."""

    name = models.CharField(max_length=120)
    last_task_id = models.PositiveBigIntegerField(null=True, help_text="The run that gave it back last.")
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["space", "name"], name="tasks_lock_name")]

    def __str__(self) -> str:
        return self.name


class LockHold(models.Model):
    """An active run holds a named lock; the row goes when the run ends."""

    lock = models.ForeignKey(NamedLock, on_delete=models.CASCADE, related_name="holds")
    task = models.ForeignKey(ServerTask, on_delete=models.CASCADE, related_name="lock_holds")
    is_exclusive = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lock", "task"], name="tasks_hold_once"),
            models.UniqueConstraint(
                fields=["lock"], condition=Q(is_exclusive=True), name="tasks_one_exclusive_hold"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lock} held by task {self.task_id}"


class PauseMode(models.TextChoices):
    PAUSE = "Pause", "Pause: start nothing, not even the next step"
    DRAIN = "Drain", "Drain: finish what has begun, take nothing new"


class Pause(models.Model):
    """Somebody stopped a pool, an environment, or everything, and says why. With neither pool nor
    environment it means everything on this server, in all spaces."""

    mode = models.CharField(max_length=10, choices=PauseMode.choices, default=PauseMode.PAUSE)
    environment = models.OneToOneField(
        "environments.Environment", null=True, blank=True, on_delete=models.CASCADE, related_name="pause"
    )
    pool = models.OneToOneField(
        "pools.WorkerPool", null=True, blank=True, on_delete=models.CASCADE, related_name="pause"
    )
    reason = models.CharField(max_length=300)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(environment__isnull=True) | Q(pool__isnull=True), name="tasks_pause_one_scope"
            ),
            models.UniqueConstraint(
                fields=["mode"],
                condition=Q(environment__isnull=True, pool__isnull=True, mode="Pause"),
                name="tasks_pause_everything",
            ),
            models.UniqueConstraint(
                fields=["mode"],
                condition=Q(environment__isnull=True, pool__isnull=True, mode="Drain"),
                name="tasks_drain_everything",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} of {self.pool or self.environment or 'everything'}"
