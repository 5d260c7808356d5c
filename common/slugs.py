from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.text import slugify

#: Words that stand in the place of a slug in some address, such as /environments/new/.
RESERVED = frozenset({"new", "add", "order", "all", "bulk"})


def unique_slug(name: str, taken: models.QuerySet[Any], *, fallback: str, field: str = "slug") -> str:
    """A slug of `name` that no row of `taken` has: orders-database, orders-database-2, …"""
    base = slugify(name)[:100] or fallback
    used = set(taken.filter(**{f"{field}__startswith": base}).values_list(field, flat=True)) | RESERVED
    if base not in used:
        return base
    number = 2
    while f"{base}-{number}" in used:
        number += 1
    return f"{base}-{number}"
