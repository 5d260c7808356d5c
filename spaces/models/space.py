from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class SpaceQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        return self if getattr(user, "is_active", False) else self.none()


class Space(models.Model):
    """The partition that everything else belongs to."""

    name = models.CharField(max_length=50)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True)
    is_default = models.BooleanField(default=False, editable=False)
    is_queue_stopped = models.BooleanField(
        default=False, db_default=False, help_text="Tasks stay queued; those that have begun go on."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SpaceQuerySet.as_manager()

    class Meta:
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="spaces_space_name",
                violation_error_message="There is a space of this name. Choose another one.",
            ),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="spaces_space_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name
