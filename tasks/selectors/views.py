"""Saved views of the task list."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower

from spaces.models import Space
from tasks.models import SavedView


def own(space: Space, user: Any) -> QuerySet[SavedView]:
    """Those of one person, by name; nobody sees another's."""
    found: QuerySet[SavedView] = SavedView.objects.visible_to(user).in_space(space).filter(owner=user)
    return found.order_by(Lower("name"), "id")
