from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from spaces.models import SpaceOwned
from workers.models.machine import Participation


class EnrolmentCode(SpaceOwned):
    """Lets one agent join these pools and environments, once, until it expires. Only a hash of the code is
    kept."""

    code_hash = models.CharField(max_length=64, unique=True)
    pools = models.ManyToManyField("pools.WorkerPool", related_name="+")
    environments = models.ManyToManyField("environments.Environment", related_name="+")
    target_tags = models.JSONField(default=list, blank=True, help_text="Names, of a deployment target.")
    participation = models.CharField(
        max_length=20, choices=Participation.choices, default=Participation.UNTENANTED
    )
    tenants = models.ManyToManyField("tenants.Tenant", related_name="+")
    slots = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    fetched_at = models.DateTimeField(
        null=True, blank=True, help_text="When the agent program was downloaded for this code."
    )
    used_at = models.DateTimeField(null=True, blank=True)
    machine = models.ForeignKey(
        "workers.Machine", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Enrolment code {self.pk}"
