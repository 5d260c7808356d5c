from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from spaces.models import SpaceOwned


class EnrolmentCode(SpaceOwned):
    """Lets one agent join these pools, once, until it expires. Only a hash of the code is kept."""

    code_hash = models.CharField(max_length=64, unique=True)
    pools = models.ManyToManyField("pools.WorkerPool", related_name="+")
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
