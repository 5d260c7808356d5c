"""The only writer of saved views of the task list."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.models import User
from spaces.models import Space
from tasks.models import SavedView
from tasks.selectors import views

#: Of one person in one space.
MOST = 30


class TooMany(Exception):
    """Somebody keeps as many as there may be."""


def save(*, space: Space, owner: User, name: str, query: str) -> SavedView:
    """A view of that name, whatever its case, gets these filters. Raises TooMany."""
    found = views.own(space, owner).filter(name__iexact=name)
    if not found.exists():
        if views.own(space, owner).count() >= MOST:
            raise TooMany(f"You keep {MOST} views already. Remove one of them first.")
        try:
            with transaction.atomic():
                return SavedView.objects.create(space=space, owner=owner, name=name, query=query)
        except IntegrityError:
            pass  # saved twice at the same moment: the later one counts
    found.update(name=name, query=query)
    return found.get()


def remove(view: SavedView) -> None:
    view.delete()
