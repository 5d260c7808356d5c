"""What needs a package, for `common.usage`."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import models

from common.usage import Use
from packages import owners
from packages.models import OwnerKind, PackageUse


def of_package(package: models.Model) -> Iterator[Use]:
    """The releases and snapshots that were made with it."""
    rows = PackageUse.objects.filter(package_id=package.pk).order_by("owner_kind", "-owner_id")
    pairs = list(rows.values_list("owner_kind", "owner_id"))
    known = owners.resolve(pairs)
    for pair in pairs:
        if pair in known:
            yield Use(OwnerKind(pair[0]).label, known[pair].label, known[pair].url)
