from __future__ import annotations

from django.db import models

from spaces.models import NamedInSpace


class Tenant(NamedInSpace):
    """Somebody who gets an installation of their own: a customer, a site, a region."""

    tags = models.ManyToManyField("tenants.Tag", blank=True, related_name="tenants")
    is_disabled = models.BooleanField(default=False)

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]
