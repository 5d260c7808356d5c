from __future__ import annotations

from django.db import models
from django.db.models import Q

from spaces.models import NamedInSpace


class WorkerPool(NamedInSpace):
    """A group of workers that steps are sent to. Each space has exactly one default pool."""

    is_default = models.BooleanField(default=False, editable=False)
    sort_order = models.PositiveIntegerField(default=0)

    class Meta(NamedInSpace.Meta):
        ordering = ["sort_order", "name"]
        constraints = [
            *NamedInSpace.Meta.constraints,
            models.UniqueConstraint(
                fields=["space"], condition=Q(is_default=True), name="pools_workerpool_one_default"
            ),
        ]
