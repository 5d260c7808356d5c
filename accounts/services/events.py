"""The audit's only writer."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import Event, User
from spaces.models import Space


def record(
    *,
    user: User | None,
    category: str,
    subject: models.Model,
    message: str,
    space: Space | None = None,
    details: dict[str, Any] | None = None,
) -> Event:
    """One audit line, in the caller's transaction. `message` is a whole sentence without the user."""
    return Event.objects.create(
        space=space,
        user=user,
        username=user.username if user else "system",
        category=category,
        subject_kind=subject._meta.object_name or "",
        subject_id=str(subject.pk),
        message=message[:500],
        details=details or {},
    )
