from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from domain.prompts import Control
from variables.models.variable import VariableSet


class VariableTemplate(models.Model):
    """What a project or a library set asks tenants for. `default` of a sensitive one is sealed."""

    variable_set = models.ForeignKey(VariableSet, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=200)
    label = models.CharField(max_length=200, blank=True)
    help = models.TextField(blank=True)
    control = models.CharField(max_length=20, choices=[(one.value, one.value) for one in Control])
    options = models.TextField(blank=True, help_text="Of a select, one a line: value|label.")
    default = models.TextField(blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                "variable_set",
                Lower("name"),
                name="variables_template_name_in_set",
                violation_error_message="There is a template of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TenantValue(models.Model):
    """A tenant's value of a template: in an environment, or without one for a template of a library set.
    Sealed where the template asks for a secret; for a worker pool it is its id."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="values")
    template = models.ForeignKey(VariableTemplate, on_delete=models.CASCADE, related_name="values")
    environment = models.ForeignKey(
        "environments.Environment", null=True, on_delete=models.CASCADE, related_name="+"
    )
    value = models.TextField()
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "template", "environment"], name="variables_tenant_value_in_environment"
            ),
            models.UniqueConstraint(
                fields=["tenant", "template"],
                condition=Q(environment__isnull=True),
                name="variables_tenant_value_common",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} of {self.tenant}"
