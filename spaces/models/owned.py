"""Bases of everything that belongs to a space."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models.functions import Lower


class SpaceOwnedQuerySet(models.QuerySet[Any]):
    """The door that every query of a view, an API view and a consumer goes through first."""

    def visible_to(self, user: Any) -> Self:
        """Rows that this user may see: of the spaces that the user may see."""
        if not getattr(user, "is_active", False):
            return self.none()
        return self

    def in_space(self, space: models.Model) -> Self:
        return self.filter(space=space)


class SpaceOwned(models.Model):
    """A row of one space."""

    space = models.ForeignKey("spaces.Space", on_delete=models.PROTECT, related_name="+")

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        abstract = True


class NamedInSpace(SpaceOwned):
    """A row with a name and a slug that are unique in its space, ignoring case."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                "space",
                Lower("name"),
                name="%(app_label)s_%(class)s_name_in_space",
                violation_error_message="This name is taken in this space. Choose another one.",
            ),
            models.UniqueConstraint(fields=["space", "slug"], name="%(app_label)s_%(class)s_slug_in_space"),
        ]

    def __str__(self) -> str:
        return self.name
