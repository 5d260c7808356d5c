from __future__ import annotations

from django.db import models

from tasks.models.execution import Attempt
from tasks.models.task import ServerTask


class LogChunk(models.Model):
    """A chunk of `protocol.log` as it came, compressed. Lines are numbered from 0 per attempt."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="chunks")
    first_seq = models.PositiveBigIntegerField()
    lines = models.PositiveIntegerField()
    raw_length = models.PositiveIntegerField(help_text="Bytes of the uncompressed payload.")
    crc = models.PositiveBigIntegerField()
    payload = models.BinaryField()
    levels = models.JSONField(
        null=True,
        help_text="[[level, lines], ...] where a chunk holds other levels than Info; level 0 goes on "
        "with an earlier line.",
    )

    class Meta:
        ordering = ["first_seq"]
        constraints = [models.UniqueConstraint(fields=["attempt", "first_seq"], name="tasks_chunk_once")]

    def __str__(self) -> str:
        return f"Lines from {self.first_seq} of {self.attempt_id}"


class TaskEvent(models.Model):
    """What the server itself has to say about a run: admitted, placed, lost contact, cancelled."""

    task = models.ForeignKey(ServerTask, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveIntegerField(null=True, help_text="The step that it is about.")
    occurred_at = models.DateTimeField()
    level = models.PositiveSmallIntegerField(default=20, help_text="protocol.log.Level")
    message = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.message
