from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower

from domain.processes import Location as Runs
from domain.step_rules import Condition as RunCondition
from domain.step_rules import Start
from spaces.models import SpaceOwned


class OwnerKind(models.TextChoices):
    """What a process belongs to. A kind and an id, because owners live in higher apps."""

    PROJECT = "project", "Project"
    RUNBOOK = "runbook", "Runbook"


class Process(SpaceOwned):
    """The draft that is edited; `version` rises with every save and guards against lost edits."""

    owner_kind = models.CharField(max_length=20, choices=OwnerKind.choices)
    owner_id = models.PositiveBigIntegerField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner_kind", "owner_id"], name="processes_process_owner")
        ]

    def __str__(self) -> str:
        return f"Process of {self.owner_kind} {self.owner_id}"


class Condition(models.TextChoices):
    """When a step runs; the values are those of `domain.step_rules`."""

    SUCCESS = RunCondition.SUCCESS.value, "Only while nothing has failed"
    FAILURE = RunCondition.FAILURE.value, "Only after a failure"
    ALWAYS = RunCondition.ALWAYS.value, "Always"
    VARIABLE = RunCondition.VARIABLE.value, "If an expression is true"


class StartTrigger(models.TextChoices):
    AFTER_PREVIOUS = Start.AFTER_PREVIOUS.value, "After the step before it"
    WITH_PREVIOUS = Start.WITH_PREVIOUS.value, "Together with the step before it"


class Step(models.Model):
    """One entry of a process. What it does is in its action. A step that holds others has none: they are its
    child steps, entries of their own that stand right behind it."""

    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        help_text="The step that this one is a child of; then its condition looks at the other children.",
    )
    is_parent = models.BooleanField(default=False, help_text="It holds other steps and has no action.")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    condition = models.CharField(max_length=20, choices=Condition.choices, default=Condition.SUCCESS)
    start_trigger = models.CharField(
        max_length=20, choices=StartTrigger.choices, default=StartTrigger.AFTER_PREVIOUS
    )
    expression = models.TextField(
        blank=True, help_text="A template that is true or not; kept whatever the condition is."
    )
    target_tags = models.JSONField(
        default=list, blank=True, help_text="Names of target tags; kept wherever the step runs."
    )
    window = models.PositiveSmallIntegerField(
        default=0, help_text="How many targets at once; 0 for as many as usual."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["process", "position"], name="processes_step_position"),
            models.UniqueConstraint(fields=["process", "slug"], name="processes_step_slug"),
            # A step that holds others may be called as one of them: Octopus names it after the first.
            models.UniqueConstraint(
                "process",
                Lower("name"),
                "is_parent",
                name="processes_step_name",
                violation_error_message="This process has a step of this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Location(models.TextChoices):
    """Where an action runs."""

    WORKER = Runs.WORKER.value, "Run once on a worker"
    ON_BEHALF = Runs.ON_BEHALF.value, "Run on a worker on behalf of each deployment target"
    TARGET = Runs.TARGET.value, "Run on each deployment target"


class PoolChoice(models.TextChoices):
    SPECIFIC = "specific", "Runs on a worker from a specific pool"
    VARIABLE = "variable", "Runs on a worker from a pool selected via a variable"


class Action(models.Model):
    """What a step does and where. Both pool fields are kept whichever is chosen, so that changing
    one's mind loses nothing. `properties` are Octopus's, all strings."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="actions")
    position = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    action_type = models.CharField(max_length=60)
    is_disabled = models.BooleanField(default=False)
    is_required = models.BooleanField(default=False, help_text="Nobody may leave it out of a run.")
    applies = models.JSONField(
        default=dict, blank=True, help_text="domain.conditions.Applies: environments, channels, tenant tags."
    )
    notes = models.TextField(blank=True)
    location = models.CharField(max_length=20, choices=Location.choices, default=Location.WORKER)
    pool_choice = models.CharField(max_length=20, choices=PoolChoice.choices, default=PoolChoice.SPECIFIC)
    worker_pool = models.ForeignKey(
        "pools.WorkerPool",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="actions",
        help_text="None means the default pool of the space.",
    )
    worker_pool_variable = models.CharField(max_length=200, blank=True)
    properties = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["step", "position"], name="processes_action_position")]

    def __str__(self) -> str:
        return self.name


class ProcessRevision(models.Model):
    """A process as it was saved under a version: what a stale edit is compared with, and its history.
    `saved_at` is empty for what was saved before this was kept."""

    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="revisions")
    version = models.PositiveIntegerField()
    content = models.JSONField(help_text="domain.processes.ProcessDef")
    saved_at = models.DateTimeField(null=True)
    saved_by = models.CharField(max_length=150, blank=True, default="")
    message = models.CharField(max_length=200, blank=True, default="", help_text="What was done.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["process", "version"], name="processes_revision_version")
        ]

    def __str__(self) -> str:
        return f"{self.process} at {self.version}"
