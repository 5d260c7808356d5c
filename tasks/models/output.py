from __future__ import annotations

from django.db import models

from tasks.models.execution import Execution


class OutputVariable(models.Model):
    """A value that a step's script set for later steps: Octopus.Action[Step].Output.name. The last
    write of a name counts. A sensitive value is sealed."""

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="outputs")
    machine_name = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=200)
    value = models.TextField(blank=True)
    is_sensitive = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["execution", "machine_name", "name"], name="tasks_output_once")
        ]

    def __str__(self) -> str:
        return self.name
