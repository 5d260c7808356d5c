from __future__ import annotations

from django.conf import settings
from django.db import models

from spaces.models import SpaceOwnedQuerySet


class Event(models.Model):
    """One line of the audit: who did what to which thing. Written once, never changed."""

    space = models.ForeignKey(
        "spaces.Space", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    occurred_at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    username = models.CharField(max_length=150, help_text="Kept when the user is deleted.")
    category = models.CharField(max_length=40, help_text="For example Created, Modified, Deleted, Started.")
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=40)
    message = models.CharField(max_length=500)
    details = models.JSONField(default=dict)

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [models.Index(fields=["subject_kind", "subject_id"], name="accounts_event_subject")]

    def __str__(self) -> str:
        return self.message
