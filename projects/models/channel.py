from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from projects.models.project import Project
from spaces.models import SpaceOwnedQuerySet


class Channel(models.Model):
    """A way that releases of a project go: the stable ones, hotfixes, previews. Each project has exactly one
    default channel."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    description = models.TextField(blank=True)
    lifecycle = models.ForeignKey(
        "environments.Lifecycle",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="channels",
        help_text="None means the project's.",
    )
    is_default = models.BooleanField(default=False)
    tags = models.ManyToManyField(
        "tenants.Tag",
        blank=True,
        related_name="+",
        help_text="Its releases go to tenants with these alone; none means to all.",
    )
    rules = models.JSONField(default=list, blank=True, help_text="A list of domain.channels.ChannelRule.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint(
                "project",
                Lower("name"),
                name="projects_channel_name_in_project",
                violation_error_message="This project has a channel of this name. Choose another one.",
            ),
            models.UniqueConstraint(fields=["project", "slug"], name="projects_channel_slug_in_project"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_default=True), name="projects_channel_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name
