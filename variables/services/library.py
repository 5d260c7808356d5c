"""The only writer of library variable sets; their values are written by `variable_sets`."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import delete_unused
from spaces.models import Space
from variables.models import LibraryVariableSet, OwnerKind, VariableSet
from variables.services import variable_sets


@transaction.atomic
def create(*, space: Space, name: str, description: str = "", user: User | None = None) -> LibraryVariableSet:
    """An empty set. Raises IntegrityError where the name is taken."""
    library_set = LibraryVariableSet.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, LibraryVariableSet.objects.in_space(space), fallback="variable-set"),
        description=description,
    )
    variable_set_of(library_set)
    _record(library_set, user=user, category="Created", message=f"Created library variable set {name}.")
    return library_set


@transaction.atomic
def edit(library_set: LibraryVariableSet, *, name: str, description: str, user: User | None) -> None:
    """The slug stays, so that addresses go on working. Raises IntegrityError where the name is taken."""
    before = library_set.name
    library_set.name, library_set.description = name, description
    library_set.save(update_fields=["name", "description", "updated_at"])
    renamed = f", formerly {before}" if before != name else ""
    message = f"Changed library variable set {name}{renamed}."
    _record(library_set, user=user, category="Modified", message=message)


@transaction.atomic
def delete(library_set: LibraryVariableSet, *, user: User | None) -> None:
    """Raises `common.usage.InUse` while a project includes it. Releases and snapshots keep its values."""
    pk = library_set.pk
    message = f"Deleted library variable set {library_set}."
    _record(library_set, user=user, category="Deleted", message=message)
    delete_unused(library_set)
    variable_sets.delete(owner_kind=OwnerKind.LIBRARY, owner_id=pk)


def variable_set_of(library_set: LibraryVariableSet) -> VariableSet:
    """Where its values stand."""
    return variable_sets.get_or_create(
        owner_kind=OwnerKind.LIBRARY, owner_id=library_set.pk, space=library_set.space
    )


def _record(library_set: LibraryVariableSet, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=library_set, message=message, space=library_set.space)
