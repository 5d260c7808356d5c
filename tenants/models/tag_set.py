from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from spaces.models import NamedInSpace


class TagSet(NamedInSpace):
    """A group of tags, for example Region with EU and US."""

    sort_order = models.PositiveIntegerField(default=0)

    class Meta(NamedInSpace.Meta):
        ordering = ["sort_order", "name"]


class Tag(models.Model):
    tag_set = models.ForeignKey(TagSet, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    color = models.CharField(max_length=7, default="#5d6776", help_text="#RRGGBB")
    sort_order = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["tag_set__sort_order", "sort_order", "name"]
        constraints = [
            models.UniqueConstraint(
                "tag_set",
                Lower("name"),
                name="tenants_tag_name_in_set",
                violation_error_message="This tag set has a tag of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.canonical_name

    @property
    def canonical_name(self) -> str:
        """The name by which scopes refer to a tag, for example Region/EU."""
        return f"{self.tag_set.name}/{self.name}"
