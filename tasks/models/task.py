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
    concurrency_key = models.CharField(
        max_length=200, help_text="Tasks with the same key run one after the other, or so many at once."
    )
    concurrency_limit = models.PositiveSmallIntegerField(
        default=1, help_text="How many tasks with this key may run at once; 0 means any number."
    )
    slot_key = models.CharField(  # noqa: DJ001 - unique where it is set, so that empty must be NULL
        max_length=230,
        null=True,
        blank=True,
        help_text="The place that it was given at admission: key#number.",
    )
    locks = models.JSONField(
        default=list, blank=True, help_text="Named locks that it needs; see RunSettings."
    )
    lock_key = models.CharField(
        max_length=32, blank=True, help_text="The same for tasks that need the same locks; empty for none."
    )
    queue_rank = models.BigIntegerField(
        default=0, help_text="Higher goes first: 0 normal, 1 prioritised, above that moved to the top."
    )
    start_at = models.DateTimeField(null=True, blank=True, help_text="It is not admitted before.")
    queue_expires_at = models.DateTimeField(
        null=True, blank=True, help_text="If it has not started by then, it never does."
    )
    wake_at = models.DateTimeField(
        null=True, blank=True, help_text="When the engine looks again without being asked."
    )
    time_limit_minutes = models.PositiveIntegerField(null=True, blank=True)
    guided_failure = models.BooleanField(default=False, help_text="A person is asked when a step fails.")
    awaits_answer = models.BooleanField(
        default=False, help_text="Nothing of it runs or can run before a person has answered."
    )
    timed_out = models.BooleanField(default=False, help_text="It is being stopped because its time is up.")
    excluded_machines = models.JSONField(
        default=list, blank=True, help_text="Ids of workers that take no more steps of this run."
    )
    node_name = models.CharField(max_length=100, blank=True, help_text="The node that admitted it.")

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
    resumed_at_step = models.PositiveIntegerField(
        null=True, blank=True, help_text="It is a rerun that takes over all results before this step."
    )
    trigger_name = models.CharField(
        max_length=120, blank=True, help_text="What started it, if no person did."
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
            # In the order of the queue, with what passes runs over, so that these cost no row.
            # The state comes first although it is always the same: SQLite finds the index by it.
            models.Index(
                fields=[
                    "state",
                    "-queue_rank",
                    "id",
                    "concurrency_key",
                    "lock_key",
                    "environment",
                    "start_at",
                ],
                condition=Q(state="Queued"),
                name="tasks_queue",
            ),
            # Counts what a node is busy with.
            models.Index(fields=["state", "node_name", "awaits_answer"], name="tasks_busy"),
            # Who runs with a key, and who is first in line for it.
            models.Index(
                fields=["concurrency_key", "state", "-queue_rank", "id"],
                condition=Q(state__in=UNFINISHED),
                name="tasks_concurrency",
            ),
            models.Index(fields=["space", "state", "-id"], name="tasks_space_state"),
            # Covers the task list's search by text, so that it need not read the rows with their plans.
            models.Index(
                fields=["space", "-id", "name", "project_name", "created_by_name"], name="tasks_newest"
            ),
            models.Index(fields=["environment", "-id"], name="tasks_environment"),
            # The first task of a day.
            models.Index(fields=["space", "queued_at"], name="tasks_queued"),
            # What became of somebody's own runs since they last looked.
            models.Index(fields=["created_by", "completed_at"], name="tasks_own"),
            # Runs of the same thing in the same place.
            models.Index(fields=["subject_kind", "subject_id", "environment", "-id"], name="tasks_subject"),
            # Covers the dashboard's figures of a period.
            models.Index(
                fields=["space", "completed_at", "state", "started_at", "project_id"], name="tasks_ended"
            ),
            # Who had a place before.
            models.Index(
                fields=["slot_key", "completed_at"],
                condition=Q(completed_at__isnull=False),
                name="tasks_slot_before",
            ),
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="tasks_wake"),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"

    @property
    def is_completed(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def look(self) -> str:
        """Its state as pages show it, see `common.statuses`."""
        if self.awaits_answer:
            return "Interrupted"
        is_clean = not self.has_warnings or self.state != TaskState.SUCCESS
        return self.state if is_clean else "SuccessWithWarnings"
