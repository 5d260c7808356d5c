from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class GuidedFailure(models.TextChoices):
    """Octopus's three failure modes of a process."""

    ENVIRONMENT = "EnvironmentDefault", "As the environment says"
    ON = "On", "Ask a person when a step fails"
    OFF = "Off", "Fail without asking"


class Overlap(models.TextChoices):
    """What becomes of a run that is asked for while others of its key are queued or running."""

    QUEUE = "Queue", "Wait for its turn"
    SKIP = "Skip", "Do not start it"
    REPLACE = "Replace", "Cancel the others and take their place"


class LockMode(models.TextChoices):
    EXCLUSIVE = "Exclusive", "Exclusive: nobody else may hold it"
    SHARED = "Shared", "Shared: with others that share it"


class RunSettings(models.Model):
    """How the runs of a process behave: of a runbook, or of a project's deployments."""

    guided_failure = models.CharField(
        max_length=20, choices=GuidedFailure.choices, default=GuidedFailure.ENVIRONMENT
    )
    overlap = models.CharField(max_length=10, choices=Overlap.choices, default=Overlap.QUEUE)
    max_concurrent = models.PositiveSmallIntegerField(
        default=1,
        validators=[MaxValueValidator(1000)],
        help_text="Runs of one key at once; 0 means any number.",
    )
    locks = models.JSONField(
        default=list, blank=True, help_text='[{"name": "...", "mode": "Exclusive" or "Shared"}, ...]'
    )
    queue_timeout_minutes = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="How long a run may stay queued."
    )
    time_limit_minutes = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="How long a run may take."
    )

    class Meta:
        abstract = True
