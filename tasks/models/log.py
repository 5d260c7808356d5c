from __future__ import annotations

from django.db import models
from django.db.models import Q

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


class LogArchive(models.Model):
    """The log of an ended attempt as one object (`protocol.log_file`) instead of rows. It is the receipt,
    too, and stays when retention has removed the object: then `name` is empty."""

    attempt = models.OneToOneField(
        Attempt, on_delete=models.CASCADE, primary_key=True, related_name="archive"
    )
    name = models.CharField(max_length=200, blank=True, help_text="In Django's storage.")
    size = models.PositiveBigIntegerField(help_text="Bytes of the object.")
    lines = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField(help_text="Of the content of the lines that are there.")
    sha256 = models.CharField(max_length=64, help_text="Of the same, in hex.")
    gaps = models.JSONField(default=list, help_text="[[first, last], ...] of lines that are not there.")
    archived_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["archived_at"], condition=~Q(name=""), name="tasks_archive_kept"),
        ]

    def __str__(self) -> str:
        return f"Log of {self.attempt_id}"


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
