from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from tasks.models.task import ServerTask


class StepState(models.TextChoices):
    """The states of one step in one run; the first five names are Octopus's."""

    PENDING = "Pending", "Pending"
    RUNNING = "Running", "Running"
    SUCCESS = "Success", "Succeeded"
    FAILED = "Failed", "Failed"
    SKIPPED = "Skipped", "Skipped"
    WAITING = "Waiting", "Waiting for a worker"
    CANCELED = "Canceled", "Cancelled"
    UNKNOWN = "Unknown", "Unknown outcome"
    RETRYING = "Retrying", "Waiting to try again"
    INTERRUPTED = "Interrupted", "Waiting for an answer"
    IGNORED = "Ignored", "Failed, ignored"


class Execution(models.Model):
    """A unit of one run: a step, or a step for one deployment target. `number` is its place in the run,
    from 1, see `domain.arrangement`; `step_number` is the step's in the frozen plan."""

    State = StepState

    task = models.ForeignKey(ServerTask, on_delete=models.CASCADE, related_name="executions")
    number = models.PositiveIntegerField()
    step_number = models.PositiveIntegerField()
    step_label = models.CharField(
        max_length=12, blank=True, help_text="Of runs with child steps: the number of the step, 2 or 2.1."
    )
    parent_name = models.CharField(
        max_length=120, blank=True, help_text="What the step is called that holds this child step."
    )
    target = models.ForeignKey(
        "workers.Machine",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The deployment target that it is for. Without a pool it runs there.",
    )
    target_name = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=20, choices=StepState.choices, default=StepState.PENDING)
    pool_id = models.PositiveBigIntegerField(null=True, help_text="The pool that the plan chose.")
    pool_name = models.CharField(max_length=120, blank=True)
    needs = models.JSONField(default=list, help_text="Tools that the worker must have, such as bash.")
    rules = models.JSONField(
        default=dict, help_text="domain.step_rules.StepRules, where they are not the default."
    )
    place = models.JSONField(
        default=dict, help_text="domain.units.Place, where it does not go alone after all before it."
    )
    machine = models.ForeignKey(
        "workers.Machine", null=True, blank=True, on_delete=models.SET_NULL, related_name="executions"
    )
    machine_name = models.CharField(max_length=120, blank=True)
    epoch = models.PositiveIntegerField(default=0, help_text="That of the latest attempt.")
    placement_reason = models.CharField(max_length=300, blank=True, help_text="Why this worker.")
    waiting_for = models.CharField(max_length=300, blank=True, help_text="Why it waits, for people.")
    waiting_since = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(
        null=True, blank=True, help_text="When it is tried again, or when its time is up."
    )
    failures = models.PositiveSmallIntegerField(default=0, help_text="Tries of it that failed.")
    reused_from = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The step of an earlier run whose result was taken over.",
    )
    message = models.TextField(blank=True, help_text="What went wrong, or the evidence of an Unknown.")
    has_warnings = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="tasks_execution_number")]
        indexes = [
            models.Index(fields=["pool_id", "task"], name="tasks_execution_pool"),
            models.Index(fields=["machine", "task"], name="tasks_execution_machine"),
            models.Index(
                fields=["pool_id", "waiting_since"], condition=Q(state="Waiting"), name="tasks_waiting"
            ),
            models.Index(fields=["target"], condition=Q(state="Waiting"), name="tasks_waiting_target"),
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="tasks_execution_wake"),
        ]

    def __str__(self) -> str:
        return f"{self.step_label or self.step_number}. {self.title}"

    @property
    def label(self) -> str:
        """The number that people see before the title."""
        return self.step_label or str(self.number)

    @property
    def runs_on_target(self) -> bool:
        """Whether its machine is the deployment target itself, and there is no other one to try."""
        return bool(self.target_name) and self.pool_id is None

    @property
    def title(self) -> str:
        """What people call it: "Deploy", "Deploy on web-1", "Deploy for web-1"."""
        if not self.target_name:
            return self.name
        return f"{self.name} {'for' if self.pool_id else 'on'} {self.target_name}"


class AttemptState(models.TextChoices):
    """ASSIGNED until the agent says it has it; ACCEPTED once that is committed here, from which
    moment the agent may start it; the rest are final but for RUNNING and LOST, and for SERVING, which is
    that of a step that the server itself does: no agent knows of it."""

    ASSIGNED = "Assigned", "Assigned"
    ACCEPTED = "Accepted", "Accepted"
    RUNNING = "Running", "Running"
    LOST = "LostContact", "Lost contact"
    FINISHED = "Finished", "Finished"
    UNKNOWN = "Unknown", "Unknown outcome"
    WITHDRAWN = "Withdrawn", "Withdrawn before it started"
    SERVING = "Serving", "The server is at it"


LIVE = (AttemptState.ASSIGNED, AttemptState.ACCEPTED, AttemptState.RUNNING, AttemptState.LOST)


class Attempt(models.Model):
    """One try of one execution on one machine. `epoch` fences it: a write with another epoch is
    of the past. The log rows below it are the truth; the counters follow them."""

    State = AttemptState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="attempts")
    epoch = models.PositiveIntegerField()
    machine = models.ForeignKey(
        "workers.Machine", null=True, on_delete=models.SET_NULL, related_name="attempts"
    )
    state = models.CharField(max_length=20, choices=AttemptState.choices, default=AttemptState.ASSIGNED)
    assigned_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    timed_out = models.BooleanField(default=False, help_text="It was asked to stop because its time was up.")
    outcome = models.CharField(max_length=20, blank=True, help_text="As the agent's Finished frame says.")
    exit_code = models.IntegerField(null=True, blank=True)
    message = models.TextField(blank=True)
    served_by = models.CharField(
        max_length=100, blank=True, help_text="The node that does it, where no worker does."
    )
    agent_version = models.CharField(max_length=40, blank=True, help_text="Of the agent that accepted it.")
    worker_has = models.JSONField(null=True, help_text="What that worker had then: shells, tools, versions.")
    log_lines = models.PositiveBigIntegerField(default=0)
    log_bytes = models.PositiveBigIntegerField(default=0)
    log_sha256 = models.CharField(max_length=64, blank=True, help_text="Set when checked at the finish.")
    log_sent_again = models.BooleanField(
        default=False, help_text="What was stored differed, so the worker was asked for all of it again."
    )

    class Meta:
        ordering = ["epoch"]
        constraints = [
            models.UniqueConstraint(fields=["execution", "epoch"], name="tasks_attempt_epoch"),
            models.UniqueConstraint(
                fields=["execution"], condition=Q(state__in=LIVE), name="tasks_one_live_attempt"
            ),
        ]
        indexes = [
            models.Index(fields=["machine"], condition=Q(state__in=LIVE), name="tasks_attempt_live"),
            models.Index(
                fields=["assigned_at"], condition=Q(state="Assigned"), name="tasks_attempt_assigned"
            ),
            models.Index(fields=["assigned_at"], condition=Q(state="Serving"), name="tasks_attempt_serving"),
            # SQLite recognises a condition in a query only where neither holds a list.
            models.Index(
                fields=["state"], condition=Q(cancel_requested=True), name="tasks_attempt_cancelled"
            ),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.epoch} of {self.execution_id}"


class Child(models.Model):
    """A task that a step started. One try of a step starts one task, whatever happens to the server in
    between."""

    attempt = models.OneToOneField(Attempt, on_delete=models.CASCADE, related_name="child")
    task = models.OneToOneField(ServerTask, on_delete=models.CASCADE, related_name="started_by")
    is_awaited = models.BooleanField(help_text="The step ends when the task does, and as it does.")

    def __str__(self) -> str:
        return f"Task {self.task_id}, started by {self.attempt_id}"
