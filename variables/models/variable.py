from __future__ import annotations

from django.db import models

from spaces.models import SpaceOwned


class OwnerKind(models.TextChoices):
    """What a variable set belongs to. A kind and an id, because owners live in higher apps."""

    PROJECT = "project", "Project"
    LIBRARY = "library", "Library variable set"


class VariableSet(SpaceOwned):
    """All variables of one owner; `version` rises with every save and guards against lost edits."""

    owner_kind = models.CharField(max_length=20, choices=OwnerKind.choices)
    owner_id = models.PositiveBigIntegerField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner_kind", "owner_id"], name="variables_set_owner")]

    def __str__(self) -> str:
        return f"Variables of {self.owner_kind} {self.owner_id}"


class VariableSetRevision(models.Model):
    """One save: who made it and what it changed, for good. The newest hold the variables as they were then,
    which a stale edit is compared with."""

    variable_set = models.ForeignKey(VariableSet, on_delete=models.CASCADE, related_name="revisions")
    version = models.PositiveIntegerField()
    content = models.JSONField(null=True, help_text="As variables.services.variable_sets.freeze gives it.")
    saved_at = models.DateTimeField(null=True, help_text="None: before this was written down.")
    saved_by = models.CharField(max_length=150, blank=True)
    changes = models.JSONField(
        default=list, help_text="A list of variables.merging.ValueChange, without secrets."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["variable_set", "version"], name="variables_revision_version")
        ]

    def __str__(self) -> str:
        return f"{self.variable_set} at {self.version}"


class Type(models.TextChoices):
    STRING = "String", "Text"
    SENSITIVE = "Sensitive", "Sensitive"
    WORKER_POOL = "WorkerPool", "Worker pool"
    CERTIFICATE = "Certificate", "Certificate"
    USERNAME_PASSWORD = "UsernamePasswordAccount", "Username and password account"
    SSH_KEY = "SshKeyAccount", "SSH key account"
    TOKEN = "TokenAccount", "Token account"


class Variable(models.Model):
    """One value of a name, with its scope. A name may stand in several rows.

    `value` is the text, the id of the worker pool, account or certificate, or for a sensitive one the
    sealed value (see `variables.services.sealing`), which never leaves the server unsealed but to the worker.
    """

    variable_set = models.ForeignKey(VariableSet, on_delete=models.CASCADE, related_name="variables")
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=30, choices=Type.choices, default=Type.STRING)
    value = models.TextField(blank=True)
    description = models.TextField(blank=True)
    prompt = models.JSONField(
        null=True, blank=True, help_text="A domain.prompts.Prompt: what is asked when a run starts."
    )
    position = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["position", "id"]
        indexes = [
            models.Index(
                fields=["type", "value"],
                name="variables_type_value",
                condition=models.Q(type="WorkerPool"),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ScopeKind(models.TextChoices):
    """The kinds that a value can be scoped to; spelled as in the API."""

    ENVIRONMENT = "Environment", "Environments"
    TENANT = "Tenant", "Tenants"
    TENANT_TAG = "TenantTag", "Tenant tags"
    PROCESS = "ProcessOwner", "Processes"
    ACTION = "Action", "Steps"
    CHANNEL = "Channel", "Channels"
    MACHINE = "Machine", "Targets"
    ROLE = "Role", "Target tags"


class ScopeValue(models.Model):
    """One chip of a scope. `value` is the id of the thing, "deployment" or "runbook:<id>" for a
    process, and the canonical name (Region/EU) for a tenant tag."""

    variable = models.ForeignKey(Variable, on_delete=models.CASCADE, related_name="scope_values")
    kind = models.CharField(max_length=20, choices=ScopeKind.choices)
    value = models.CharField(max_length=260)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["variable", "kind", "value"], name="variables_scope_once")
        ]
        indexes = [models.Index(fields=["kind", "value"], name="variables_scope_lookup")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"
