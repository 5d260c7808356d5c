from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from spaces.models import Space
from tenants.models import Tag, TagSet, Tenant


def tenants(viewer: User, space: Space, *, text: str = "", tag: str = "") -> QuerySet[Tenant]:
    """With their tags. `tag` is a canonical name (Region/EU); one that does not exist finds nothing."""
    found = Tenant.objects.visible_to(viewer).in_space(space).prefetch_related(_tags())
    if text:
        found = found.filter(name__icontains=text)
    if tag:
        tag_set, _, name = tag.partition("/")
        found = found.filter(tags__tag_set__name__iexact=tag_set, tags__name__iexact=name)
    return found


def tags(space: Space) -> QuerySet[Tag]:
    return Tag.objects.filter(tag_set__space=space).select_related("tag_set")


def tag_sets(viewer: User, space: Space) -> QuerySet[TagSet]:
    """With their tags, in the order that people gave them."""
    return TagSet.objects.visible_to(viewer).in_space(space).prefetch_related("tags")


def _tags() -> Prefetch[str, QuerySet[Tag], str]:
    return Prefetch("tags", queryset=Tag.objects.select_related("tag_set"))
