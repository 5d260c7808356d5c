"""The only writer of how runs behave, for the services of the things that have such settings."""

from __future__ import annotations

from typing import Any

from tasks.models import RunSettings

FIELDS = tuple(field.name for field in RunSettings._meta.local_fields)


def save(settings: RunSettings, values: dict[str, Any]) -> dict[str, list[Any]]:
    """Stores `values` by field name; gives what changed, as [before, after], for the audit. Runs that are
    queued keep what they were started with."""
    changes = {
        name: [getattr(settings, name), value]
        for name, value in values.items()
        if name in FIELDS and getattr(settings, name) != value
    }
    for name, (_, value) in changes.items():
        setattr(settings, name, value)
    if changes:
        settings.save(update_fields=list(changes))
    return changes
