from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from spaces.models import SpaceOwned


class ActionTemplate(SpaceOwned):
    """A step template: what it is now stands in its newest version."""

    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1, help_text="That of the newest version.")
    shared_id = models.CharField(
        max_length=100, blank=True, help_text="Its id where it was imported from, if it had one."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "space",
                Lower("name"),
                name="processes_template_name",
                violation_error_message="This space has a step template of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ActionTemplateVersion(models.Model):
    """A template as it was saved. Steps keep the number of the version that they were made from."""

    template = models.ForeignKey(ActionTemplate, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    content = models.JSONField(help_text="domain.step_templates.Template in the form in which it is shared.")
    notes = models.JSONField(default=list, blank=True, help_text="What of it does not do here what it did.")
    saved_at = models.DateTimeField(auto_now_add=True)
    saved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["template", "version"], name="processes_template_version")
        ]

    def __str__(self) -> str:
        return f"{self.template} {self.version}"
