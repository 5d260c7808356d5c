from __future__ import annotations

from django.db import models

from spaces.models import NamedInSpace


class TenantedMode(models.TextChoices):
    UNTENANTED = "Untenanted", "Without tenants only"
    BOTH = "TenantedOrUntenanted", "With or without a tenant"
    TENANTED = "Tenanted", "For tenants only"


class Project(NamedInSpace):
    """Holds a deployment process, variables, runbooks and releases."""

    tenanted_mode = models.CharField(
        max_length=30, choices=TenantedMode.choices, default=TenantedMode.UNTENANTED
    )

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]


class TenantLink(models.Model):
    """A tenant of a project, and the environments in which the tenant gets it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tenant_links")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="project_links")
    environments = models.ManyToManyField("environments.Environment", related_name="+")

    class Meta:
        ordering = ["tenant__name"]
        constraints = [models.UniqueConstraint(fields=["project", "tenant"], name="projects_tenant_once")]

    def __str__(self) -> str:
        return f"{self.tenant} in {self.project}"
