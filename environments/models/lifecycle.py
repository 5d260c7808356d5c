from __future__ import annotations

from django.db import models
from django.db.models import Q

from spaces.models import NamedInSpace


class Lifecycle(NamedInSpace):
    """The way of releases through the environments, in phases. One without phases lets a release go
    anywhere. Each space has exactly one default lifecycle."""

    is_default = models.BooleanField(default=False, editable=False)

    class Meta(NamedInSpace.Meta):
        ordering = ["-is_default", "name"]
        constraints = [
            *NamedInSpace.Meta.constraints,
            models.UniqueConstraint(
                fields=["space"], condition=Q(is_default=True), name="environments_lifecycle_one_default"
            ),
        ]


class Phase(models.Model):
    """A release enters a phase once the ones before it are complete."""

    lifecycle = models.ForeignKey(Lifecycle, on_delete=models.CASCADE, related_name="phases")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    environments = models.ManyToManyField("environments.Environment", related_name="phases")
    minimum = models.PositiveIntegerField(
        default=0, help_text="Environments that must have the release before the next phase; 0 means all."
    )
    is_optional = models.BooleanField(default=False, help_text="The next phase does not wait for it.")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["lifecycle", "position"], name="environments_phase_position")
        ]

    def __str__(self) -> str:
        return self.name
