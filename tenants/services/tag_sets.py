"""Tag sets with their tags. Scopes elsewhere name a tag by its canonical name (Region/EU): who keeps
such names says so with `on_rename`, and is told in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import ordering
from common.slugs import unique_slug
from common.usage import InUse, Use, uses_of
from spaces.models import Space
from tenants.models import Tag, TagSet

#: Gets the space and {old canonical name: new canonical name}, to be applied all at once, since two
#: tags may swap their names.
RenameListener = Callable[[Space, Mapping[str, str]], None]
_listeners: list[RenameListener] = []


def on_rename(listener: RenameListener) -> None:
    """Called in an AppConfig's `ready`."""
    if listener not in _listeners:
        _listeners.append(listener)


@dataclass(frozen=True, kw_only=True)
class TagRow:
    """A tag as a form gives it; `id` is None for a new one."""

    id: int | None = None
    name: str
    description: str = ""
    color: str = "#5d6776"


@transaction.atomic
def create(
    *,
    space: Space,
    name: str,
    description: str = "",
    tags: Sequence[TagRow] = (),
    user: User | None = None,
) -> TagSet:
    """Raises IntegrityError where a name is taken."""
    siblings = TagSet.objects.in_space(space)
    tag_set = TagSet.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, siblings, fallback="tag-set"),
        description=description,
        sort_order=ordering.next_place(siblings),
    )
    _save_tags(tag_set, tags, existing={})
    _record(tag_set, user=user, category="Created", message=f"Created tag set {tag_set}.")
    return tag_set


@transaction.atomic
def edit(
    tag_set: TagSet, *, name: str, description: str, tags: Sequence[TagRow], user: User | None
) -> TagSet:
    """`tags` are all tags of the set in their order: those that are missing are deleted. Raises
    `common.usage.InUse` for a tag that a tenant or a scope uses."""
    existing = {tag.pk: tag for tag in tag_set.tags.select_for_update()}
    before = {pk: f"{tag_set.name}/{tag.name}" for pk, tag in existing.items()}
    kept = {row.id for row in tags}
    _delete_tags([tag for pk, tag in existing.items() if pk not in kept], subject=tag_set)
    tag_set.name, tag_set.description = name, description
    tag_set.save(update_fields=["name", "description", "updated_at"])
    _save_tags(tag_set, tags, existing=existing)
    after = {row.id: f"{name}/{row.name}" for row in tags if row.id in existing}
    _tell(tag_set.space, {before[pk]: new for pk, new in after.items() if pk is not None})
    _record(tag_set, user=user, category="Modified", message=f"Changed tag set {tag_set}.")
    return tag_set


@transaction.atomic
def delete(tag_set: TagSet, *, user: User | None) -> None:
    """Raises `common.usage.InUse`."""
    _record(tag_set, user=user, category="Deleted", message=f"Deleted tag set {tag_set}.")
    _delete_tags(tag_set.tags.all(), subject=tag_set)
    tag_set.delete()


@transaction.atomic
def reorder(*, space: Space, ids: Sequence[int], user: User | None) -> None:
    """Raises `common.ordering.StaleOrder` where an id is not a tag set of the space."""
    ordering.reorder(TagSet.objects.in_space(space), ids)
    message = "Changed the order of the tag sets."
    events.record(user=user, category="Modified", subject=space, message=message, space=space)


def uses_of_tags(tags: Iterable[Tag]) -> list[Use]:
    """Tenants and scopes that use any of the tags, each use once."""
    return list(dict.fromkeys(use for tag in tags for use in uses_of(tag)))


def _delete_tags(tags: Iterable[Tag], *, subject: TagSet) -> None:
    tags = list(tags)
    uses = uses_of_tags(tags)
    if uses:
        raise InUse(tags[0] if len(tags) == 1 else subject, uses)
    Tag.objects.filter(pk__in=[tag.pk for tag in tags]).delete()


def _save_tags(tag_set: TagSet, rows: Sequence[TagRow], *, existing: Mapping[int, Tag]) -> None:
    tags = [existing.get(row.id or 0) or Tag(tag_set=tag_set) for row in rows]
    for tag in tags:
        if tag.pk:
            # Out of the way first, since two tags of a set may swap their names; no name holds a slash.
            Tag.objects.filter(pk=tag.pk).update(name=f"/{tag.pk}")
    for place, (tag, row) in enumerate(zip(tags, rows, strict=True)):
        tag.name, tag.description, tag.color = row.name, row.description, row.color
        tag.sort_order = place
        tag.save()


def _tell(space: Space, names: Mapping[str, str]) -> None:
    changed = {old: new for old, new in names.items() if old != new}
    if changed:
        for listener in _listeners:
            listener(space, changed)


def _record(tag_set: TagSet, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=tag_set, message=message, space=tag_set.space)
