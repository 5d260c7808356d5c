from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from domain.targets import LONGEST_TAG
from domain.targets import Participation as Takes
from spaces.models import NamedInSpace, SpaceOwnedQuerySet


class Health(models.TextChoices):
    """Octopus's health statuses."""

    HEALTHY = "Healthy", "Healthy"
    HAS_WARNINGS = "HasWarnings", "Healthy with warnings"
    UNHEALTHY = "Unhealthy", "Unhealthy"
    UNAVAILABLE = "Unavailable", "Unavailable"
    UNKNOWN = "Unknown", "Unknown"


ONLINE = (Health.HEALTHY, Health.HAS_WARNINGS)


class Participation(models.TextChoices):
    """Which runs a deployment target takes part in; the values are those of `domain.targets`."""

    UNTENANTED = Takes.UNTENANTED.value, "Only runs without a tenant"
    BOTH = Takes.BOTH.value, "Runs for its tenants, and runs without a tenant"
    TENANTED = Takes.TENANTED.value, "Only runs for its tenants"


class MachineQuerySet(SpaceOwnedQuerySet):
    def targets(self) -> Self:
        """Those that are deployment targets, whether or not they are workers as well."""
        return self.filter(self._in_environments())

    def workers(self) -> Self:
        """All but those that are deployment targets and nothing else."""
        in_pools = models.Exists(Machine.pools.through.objects.filter(machine=models.OuterRef("pk")))
        return self.filter(in_pools | ~self._in_environments())

    @staticmethod
    def _in_environments() -> models.Exists:
        through = Machine.environments.through.objects
        return models.Exists(through.filter(machine=models.OuterRef("pk")))

    def healthy(self) -> Self:
        """In contact and fit to work, with or without warnings."""
        return self.filter(health__in=ONLINE)

    def accepting(self) -> Self:
        """Those that may be given new work: healthy, enabled, not draining."""
        return self.healthy().filter(is_disabled=False, is_draining=False)

    def with_free_slot(self) -> Self:
        return self.filter(busy_slots__lt=F("slots"))

    def in_pool(self, pool_id: int) -> Self:
        return self.filter(pools=pool_id)


class Machine(NamedInSpace):
    """A machine with an agent: a worker when it is in worker pools, a deployment target when it is in
    environments, with target tags that say what it is there for."""

    agent_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    pools = models.ManyToManyField("pools.WorkerPool", blank=True, related_name="machines")
    environments = models.ManyToManyField("environments.Environment", blank=True, related_name="targets")
    participation = models.CharField(
        max_length=20,
        choices=Participation.choices,
        default=Participation.UNTENANTED,
        help_text="Of a deployment target: which runs it takes part in.",
    )
    tenants = models.ManyToManyField("tenants.Tenant", blank=True, related_name="targets")
    slots = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="How many steps may run on it at once.",
    )
    busy_slots = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Slots taken by attempts; written by the engine alone."
    )
    is_disabled = models.BooleanField(default=False)
    is_draining = models.BooleanField(default=False, help_text="Finishes what it runs and takes nothing new.")
    is_builtin = models.BooleanField(default=False, editable=False)

    public_key = models.CharField(max_length=64, editable=False, help_text="Ed25519, 32 bytes in hex.")
    thumbprint = models.CharField(max_length=64, editable=False, db_index=True)
    is_revoked = models.BooleanField(default=False, editable=False)

    health = models.CharField(max_length=20, choices=Health.choices, default=Health.UNKNOWN, editable=False)
    health_reason = models.CharField(max_length=300, blank=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    connected_at = models.DateTimeField(null=True, blank=True, editable=False)
    channel = models.CharField(
        max_length=150, blank=True, editable=False, help_text="Channel layer address of the agent's socket."
    )
    node_name = models.CharField(
        max_length=100, blank=True, editable=False, help_text="The node that holds the agent's socket."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    agent_version = models.CharField(max_length=40, blank=True, editable=False)
    boot_id = models.CharField(max_length=80, blank=True, editable=False)
    capabilities = models.JSONField(default=dict, editable=False)
    disk_free = models.PositiveBigIntegerField(
        null=True, blank=True, editable=False, help_text="Bytes free in its work folder, as last reported."
    )

    objects = MachineQuerySet.as_manager()  # type: ignore[misc]  # the base's, with more to ask

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]
        verbose_name = "worker"
        constraints = [
            *NamedInSpace.Meta.constraints,
            models.UniqueConstraint(
                fields=["space"], condition=Q(is_builtin=True), name="workers_machine_one_builtin"
            ),
        ]
        indexes = [models.Index(fields=["health", "last_seen_at"], name="workers_machine_lease")]

    @property
    def tags(self) -> list[str]:
        """Its target tags; prefetch `target_tags` for many."""
        return [one.name for one in self.target_tags.all()]

    @property
    def noun(self) -> str:
        """What people call it; asks the database."""
        only_target = not self.pools.exists() and self.environments.exists()
        return "deployment target" if only_target else "worker"

    @property
    def free_slots(self) -> int:
        return max(self.slots - self.busy_slots, 0)

    @property
    def status(self) -> str:
        """The one word for what it is up to: what a person decided, or else its health."""
        if self.is_revoked:
            return "Revoked"
        if self.is_disabled:
            return "Disabled"
        if self.is_draining and self.health in ONLINE:
            return "Draining"
        return self.health

    @property
    def is_connected(self) -> bool:
        return bool(self.channel)

    def seen_since(self, moment: datetime) -> bool:
        return self.last_seen_at is not None and self.last_seen_at >= moment


class TargetTag(models.Model):
    """One target tag (Octopus: role) of a machine. A tag is there as long as a machine has it."""

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="target_tags")
    name = models.CharField(max_length=LONGEST_TAG)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("machine", Lower("name"), name="workers_target_tag_once"),
        ]

    def __str__(self) -> str:
        return self.name
