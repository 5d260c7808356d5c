from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models


class Node(models.Model):
    """A server process that answers browsers and agents, runs the engine, or both. It writes that it is
    alive every few seconds; one that has been silent for a lease is away."""

    name = models.CharField(max_length=100, unique=True)
    version = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=200, blank=True, help_text="Host and port that it listens on.")
    runs_engine = models.BooleanField(default=True)
    serves_web = models.BooleanField(default=True)
    keys_thumbprint = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of its keys; all nodes have the same ones."
    )
    started_at = models.DateTimeField(help_text="Also tells one process of this name from the next.")
    last_seen_at = models.DateTimeField(db_index=True)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="It said that it ends.")
    task_cap = models.PositiveIntegerField(
        default=100, validators=[MaxValueValidator(10_000)], help_text="Tasks that it admits at once."
    )
    is_draining = models.BooleanField(
        default=False, help_text="Finishes what it admitted, takes nothing new."
    )
    drain_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
