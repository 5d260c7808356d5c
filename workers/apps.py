from __future__ import annotations

from collections.abc import Iterator

from django.apps import AppConfig, apps
from django.db import models
from django.urls import reverse

from common import usage

#: The kind of use that the page of a pool shows as its workers.
ONLY_IN = "Worker without another pool"


class WorkersConfig(AppConfig):
    name = "workers"

    def ready(self) -> None:
        usage.register(apps.get_model("pools", "WorkerPool"), _workers_only_in)
        usage.register(apps.get_model("environments", "Environment"), _targets_in)
        usage.register(apps.get_model("tenants", "Tenant"), _targets_in)


def _workers_only_in(pool: models.Model) -> Iterator[usage.Use]:
    """Workers that would be left without a pool."""
    machines = apps.get_model("workers", "Machine")
    others = machines.pools.through.objects.filter(machine=models.OuterRef("pk")).exclude(workerpool=pool.pk)
    for machine in machines.objects.filter(~models.Exists(others), pools=pool.pk):
        url = reverse("worker_detail", args=[machine.slug])
        yield usage.Use(kind=ONLY_IN, label=machine.name, url=url)


def _targets_in(place: models.Model) -> Iterator[usage.Use]:
    """Deployment targets of an environment or a tenant: they would silently be so no more."""
    for machine in place.targets.order_by("name"):  # type: ignore[attr-defined]
        url = reverse("target_detail", args=[machine.slug])
        yield usage.Use(kind="Deployment target", label=machine.name, url=url)
