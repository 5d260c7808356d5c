from __future__ import annotations

from collections.abc import Iterator

from django.apps import AppConfig
from django.db import models
from django.urls import reverse

from common import usage


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        usage.register(self.get_model("Tag"), _tenants_with)


def _tenants_with(tag: models.Model) -> Iterator[usage.Use]:
    for tenant in tag.tenants.all():  # type: ignore[attr-defined]
        yield usage.Use(kind="Tenant", label=tenant.name, url=reverse("tenant_detail", args=[tenant.slug]))
