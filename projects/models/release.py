from __future__ import annotations

from django.conf import settings
from django.db import models

from projects.models.channel import Channel
from projects.models.project import Project
from spaces.models import SpaceOwnedQuerySet


class Release(models.Model):
    """Process and variables of a project, frozen under a version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    # Restricted, not protected: a project goes with its channels and their releases.
    channel = models.ForeignKey(Channel, on_delete=models.RESTRICT, related_name="releases")
    version = models.CharField(max_length=100)
    notes = models.TextField(blank=True)
    process = models.JSONField(help_text="domain.processes.ProcessDef")
    variables = models.JSONField(help_text="As variables.services.variable_sets.freeze gives them.")
    packages = models.JSONField(
        default=list, blank=True, help_text="A list of domain.plan_packages.ChosenPackage."
    )
    ignores_rules = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whoever made it did so against the rules of the channel.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"],
                name="projects_release_version",
                violation_error_message="This project has a release of this version.",
            )
        ]

    def __str__(self) -> str:
        return self.version


class Deployment(models.Model):
    """A release in one environment, for one tenant or none. Its task runs it."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="deployments")
    environment = models.ForeignKey(
        "environments.Environment", on_delete=models.PROTECT, related_name="deployments"
    )
    tenant = models.ForeignKey(
        "tenants.Tenant", null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    task = models.OneToOneField("tasks.ServerTask", on_delete=models.CASCADE, related_name="deployment")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SpaceOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["release", "environment", "tenant"], name="projects_deployment_place")
        ]

    def __str__(self) -> str:
        return f"{self.release} in {self.environment}"
