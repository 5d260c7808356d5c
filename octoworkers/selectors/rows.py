"""Tasks with just what a line about them shows. Django spends most of a query on its columns."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from spaces.models import Space
from tasks.models import ServerTask
from tasks.selectors import tasks as task_selectors

_FIELDS = (
    "kind",
    "name",
    "project_name",
    "state",
    "concurrency_key",
    "created_by_name",
    "queued_at",
    "started_at",
    "completed_at",
    "has_warnings",
    "awaits_answer",
    "environment__name",
    "environment__hue",
    "tenant__name",
)


def rows(space: Space, user: Any) -> QuerySet[ServerTask]:
    """Newest first, with environment and tenant."""
    found = task_selectors.rows(space, user).select_related(None)
    return found.select_related("environment", "tenant").only(*_FIELDS)
