from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from spaces.models import SpaceOwned


class SavedView(SpaceOwned):
    """Filters of the task list under a name, of one person."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_task_views"
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=6000, help_text="As it stands in the address, in a fixed order.")

    class Meta:
        constraints = [
            models.UniqueConstraint("space", "owner", Lower("name"), name="tasks_one_view_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name
