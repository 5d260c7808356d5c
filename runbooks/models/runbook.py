from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from spaces.models import SpaceOwnedQuerySet
from tasks.models import RunSettings


class Runbook(RunSettings):
    """An operations task of a project, with a draft process and published snapshots."""

    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="runbooks")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    description = models.TextField(blank=True)
    published = models.ForeignKey(
        "runbooks.RunbookSnapshot", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "project",
                Lower("name"),
                name="runbooks_runbook_name",
                violation_error_message="This project has a runbook of this name.",
            ),
            models.UniqueConstraint(fields=["project", "slug"], name="runbooks_runbook_slug"),
        ]

    def __str__(self) -> str:
        return self.name


class RunbookSnapshot(models.Model):
    """Process and variables of a runbook, frozen. `number` counts up per runbook."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="snapshots")
    number = models.PositiveIntegerField()
    name = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Empty for one that is known by its number."
    )
    notes = models.TextField(blank=True)
    process = models.JSONField(help_text="domain.processes.ProcessDef")
    variables = models.JSONField(help_text="As variables.services.variable_sets.freeze gives them.")
    packages = models.JSONField(
        default=list, blank=True, help_text="A list of domain.plan_packages.ChosenPackage."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["runbook", "number"], name="runbooks_snapshot_number"),
            models.UniqueConstraint(
                "runbook", Lower("name"), condition=~Q(name=""), name="runbooks_snapshot_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Snapshot {self.number}"


class RunbookRun(models.Model):
    """A runbook in one environment, for one tenant or none: of a snapshot, or of the draft."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="runs")
    snapshot = models.ForeignKey(
        RunbookSnapshot, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    environment = models.ForeignKey(
        "environments.Environment", on_delete=models.PROTECT, related_name="runbook_runs"
    )
    tenant = models.ForeignKey(
        "tenants.Tenant", null=True, blank=True, on_delete=models.PROTECT, related_name="runbook_runs"
    )
    task = models.OneToOneField("tasks.ServerTask", on_delete=models.CASCADE, related_name="runbook_run")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.runbook} in {self.environment}"
