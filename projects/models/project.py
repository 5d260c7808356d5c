from __future__ import annotations

from django.db import models
from django.db.models import Q

from spaces.models import NamedInSpace
from tasks.models import RunSettings


class ProjectGroup(NamedInSpace):
    """A heading under which projects stand. Each space has exactly one default group."""

    is_default = models.BooleanField(default=False, editable=False)

    class Meta(NamedInSpace.Meta):
        ordering = ["-is_default", "name"]
        constraints = [
            *NamedInSpace.Meta.constraints,
            models.UniqueConstraint(
                fields=["space"], condition=Q(is_default=True), name="projects_projectgroup_one_default"
            ),
        ]


class TenantedMode(models.TextChoices):
    UNTENANTED = "Untenanted", "Without tenants only"
    BOTH = "TenantedOrUntenanted", "With or without a tenant"
    TENANTED = "Tenanted", "For tenants only"


class Project(NamedInSpace, RunSettings):
    """Holds a deployment process, variables, runbooks and releases. Its run settings are those of its
    deployments."""

    tenanted_mode = models.CharField(
        max_length=30, choices=TenantedMode.choices, default=TenantedMode.UNTENANTED
    )
    group = models.ForeignKey(
        ProjectGroup,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
        help_text="None means the default group of the space.",
    )
    lifecycle = models.ForeignKey(
        "environments.Lifecycle",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
        help_text="None means the default lifecycle of the space.",
    )
    refuses_pasted = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A run does not start where an answer to a prompt would get into the text of a script.",
    )
    library_sets = models.ManyToManyField(
        "variables.LibraryVariableSet",
        blank=True,
        related_name="projects",
        help_text="Their values apply where the project has none of its own.",
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
