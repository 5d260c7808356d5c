from __future__ import annotations

import uuid

from django.db import models

from spaces.models import SpaceOwned
from tasks.models.execution import Attempt
from tasks.models.task import ServerTask


class ArtifactState(models.TextChoices):
    UPLOADING = "Uploading", "On its way"
    STORED = "Stored", "Stored"
    REFUSED = "Refused", "Not taken"
    REMOVED = "Removed", "Removed"


class Artifact(SpaceOwned):
    """A file that a run left. Its content is one object in the storage once it is STORED; `name` is clean
    (`protocol.artifacts.clean_name`) and only ever shown, never a path."""

    State = ArtifactState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(ServerTask, on_delete=models.CASCADE, related_name="artifacts")
    attempt = models.ForeignKey(
        Attempt, null=True, blank=True, on_delete=models.CASCADE, related_name="artifacts"
    )
    number = models.PositiveSmallIntegerField(default=0, help_text="Its place in the agent's account.")
    name = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=20, choices=ArtifactState.choices, default=ArtifactState.UPLOADING)
    message = models.CharField(max_length=300, blank=True, help_text="Why it is not there.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often it came and was not itself.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["task", "created_at", "number"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "number"], name="tasks_artifact_number"),
        ]
        indexes = [models.Index(fields=["space", "-created_at"], name="tasks_artifact_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def object_name(self) -> str:
        """In Django's storage."""
        return f"artifacts/{self.task_id}/{self.pk}"
