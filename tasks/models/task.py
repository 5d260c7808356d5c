from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from spaces.models import SpaceOwned


class Kind(models.TextChoices):
    RUNBOOK_RUN = "RunbookRun", "Runbook run"
    DEPLOY = "Deploy", "Deployment"


class TaskState(models.TextChoices):
    """Octopus's task states."""

    QUEUED = "Queued", "Queued"
    EXECUTING = "Executing", "Running"
    CANCELLING = "Cancelling", "Cancelling"
    SUCCESS = "Success", "Succeeded"
    FAILED = "Failed", "Failed"
    CANCELED = "Canceled", "Cancelled"
    TIMED_OUT = "TimedOut", "Timed out"


ACTIVE = (TaskState.EXECUTING, TaskState.CANCELLING)
UNFINISHED = (TaskState.QUEUED, *ACTIVE)


class ServerTask(SpaceOwned):
    """One run in one environment and for one tenant: a state machine that `tasks.engine.advance`
    alone moves on. Its plan is frozen when it is created.

    What it runs lives in higher apps: `subject_kind`, `subject_id` and `subject_url` point there.
    """

    State = TaskState

    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=300, help_text="For example: Back up and migrate.")
    subject_kind = models.CharField(max_length=30)
    subject_id = models.PositiveBigIntegerField()
    subject_url = models.CharField(max_length=300, help_text="Path inside the space.")
    project_id = models.PositiveBigIntegerField(null=True, db_index=True)
    project_name = models.CharField(max_length=120, blank=True)
    runbook_id = models.PositiveBigIntegerField(null=True, db_index=True)
    environment = models.ForeignKey(
        "environments.Environment", on_delete=models.PROTECT, related_name="tasks"
    )
    tenant = models.ForeignKey(
        "tenants.Tenant", null=True, blank=True, on_delete=models.PROTECT, related_name="tasks"
    )

    state = models.CharField(max_length=20, choices=TaskState.choices, default=TaskState.QUEUED)
    plan = models.JSONField(help_text="domain.planning.RunPlan, frozen at creation.")
    slot_key = models.CharField(max_length=200, help_text="Tasks with the same key run one after the other.")
    waiting_for = models.CharField(max_length=300, blank=True, help_text="Why it is queued, for people.")
    wake_at = models.DateTimeField(
        null=True, blank=True, help_text="When the engine looks again without being asked."
    )

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="tasks"
    )
    created_by_name = models.CharField(max_length=150)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    error_message = models.TextField(blank=True)
    has_warnings = models.BooleanField(default=False)
    rerun_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reruns"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["slot_key"], condition=Q(state__in=ACTIVE), name="tasks_one_active_per_slot"
            )
        ]
        indexes = [
            models.Index(fields=["state", "id"], name="tasks_state"),
            models.Index(fields=["space", "state", "-id"], name="tasks_space_state"),
            # Covers the task list's search by text, so that it need not read the rows with their plans.
            models.Index(
                fields=["space", "-id", "name", "project_name", "created_by_name"], name="tasks_newest"
            ),
            models.Index(fields=["environment", "-id"], name="tasks_environment"),
            # Covers the dashboard's figures of a period.
            models.Index(
                fields=["space", "completed_at", "state", "started_at", "project_id"], name="tasks_ended"
            ),
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="tasks_wake"),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"

    @property
    def is_completed(self) -> bool:
        return self.state not in UNFINISHED
