"""Tag sets. Tenants stand in projects.api, which knows what they are connected to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.api.ordering import OrderView
from accounts.api.resources import NamedResource, ResourceView, kept, routes
from accounts.api.views import SPACE_PATHS
from accounts.permissions import Permission
from common.api.serializers import Always, Body, Text
from domain import ids
from domain.ids import IdKind
from tenants.models import Tag, TagSet
from tenants.services import tag_sets
from tenants.services.tag_sets import TagRow

SPACE_PATHS["tenants.Tag"] = "tag_set__space"
COLOR = r"^#[0-9a-fA-F]{6}$"


class TagNames(serializers.ListField):
    """Canonical names of tags of the space, such as Region/EU, in any case; internally the tags."""

    child = serializers.CharField(max_length=300)

    def to_internal_value(self, data: Any) -> list[Tag]:
        return [self._tag(name) for name in dict.fromkeys(super().to_internal_value(data))]

    def _tag(self, name: str) -> Tag:
        tag_set, _, tag = name.partition("/")
        rows = Tag.objects.filter(tag_set__in=self.context["visible"](TagSet)).select_related("tag_set")
        found: Tag | None = rows.filter(tag_set__name__iexact=tag_set, name__iexact=tag).first()
        if found is None:
            raise ValidationError(f"There is no tag {name[:80]} in this space.")
        return found

    def to_representation(self, data: Any) -> Any:
        return [tag.canonical_name for tag in data.all()]


class TagBody(Body):
    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="tag_id")
    Name = Text(source="name", required=True, allow_blank=False, max_length=120, trim_whitespace=True)
    Color = serializers.RegexField(COLOR, source="color", default="#5d6776")
    Description = Text(source="description", max_length=2000)
    SortOrder = serializers.IntegerField(source="sort_order", read_only=True)
    CanonicalTagName = serializers.CharField(source="canonical_name", read_only=True)

    def to_representation(self, instance: Tag) -> dict[str, Any]:
        shown = super().to_representation(_with_id(instance))
        return dict(shown)

    def validate_Name(self, value: str) -> str:  # noqa: N802  # DRF's name for a field's check
        if "/" in value:
            raise ValidationError("The name of a tag cannot hold a slash.")
        return value


def _with_id(tag: Tag) -> Tag:
    tag.tag_id = tag_id(tag)  # type: ignore[attr-defined]  # what the field shows
    return tag


def tag_id(tag: Tag) -> str:
    """For example TagSets-1/Tags-2."""
    return f"{ids.encode(IdKind.TAG_SET, tag.tag_set_id)}/{ids.encode(IdKind.TAG, tag.pk)}"


class TagSetResource(NamedResource):
    kind = IdKind.TAG_SET
    path = "tagsets"

    SortOrder = serializers.IntegerField(source="sort_order", read_only=True)
    Scopes = Always(["Tenant"])
    Type = Always("MultiSelect")
    Tags = TagBody(source="tags", many=True, required=False)

    def validate_Name(self, value: str) -> str:  # noqa: N802  # DRF's name for a field's check
        if "/" in value:
            raise ValidationError("The name of a tag set cannot hold a slash.")
        return value


class TagSetsView(ResourceView):
    model = TagSet
    kind = IdKind.TAG_SET
    item_type = "TagSet"
    serializer_class = TagSetResource
    queryset = TagSet.objects.none()
    edit = Permission.EDIT_TENANT

    def rows(self) -> Any:
        return super().rows().prefetch_related("tags__tag_set")

    def make(self, data: dict[str, Any]) -> TagSet:
        tags = _tags(data.pop("tags", []))
        return tag_sets.create(space=self.space, tags=tags, user=self.user, **data)

    def change(self, row: TagSet, data: dict[str, Any]) -> None:
        """Tags are those of the body, if it names any: others are deleted unless they are used."""
        existing = {tag.pk: tag for tag in row.tags.all()}
        tags = _tags(data["tags"], known=existing) if "tags" in data else _as_they_are(row)
        tag_sets.edit(row, tags=tags, user=self.user, **kept(row, data, "name", "description"))

    def remove(self, row: TagSet) -> None:
        tag_sets.delete(row, user=self.user)


def _tags(rows: Sequence[dict[str, Any]], *, known: dict[int, Tag] | None = None) -> list[TagRow]:
    """A tag without an id that is known is found again by its name, so that scopes keep it."""
    names = [row["name"].casefold() for row in rows]
    if len(set(names)) < len(names):
        raise ValidationError({"Tags": "Two tags of the set have the same name."})
    by_name = {tag.name.casefold(): pk for pk, tag in (known or {}).items()}
    return [
        TagRow(
            id=_known_id(row, known or {}) or by_name.get(row["name"].casefold()),
            name=row["name"],
            description=row["description"],
            color=row["color"],
        )
        for row in rows
    ]


def _known_id(row: dict[str, Any], known: dict[int, Tag]) -> int | None:
    text = row.get("tag_id", "").rpartition("/")[2]
    number = ids.decode(IdKind.TAG, text) if ids.is_id(IdKind.TAG, text) else None
    return number if number in known else None


def _as_they_are(tag_set: TagSet) -> list[TagRow]:
    return [
        TagRow(id=tag.pk, name=tag.name, description=tag.description, color=tag.color)
        for tag in tag_set.tags.all()
    ]


class TagSetOrderView(OrderView):
    kind = IdKind.TAG_SET
    model = TagSet
    edit = Permission.EDIT_TENANT
    reorder = staticmethod(tag_sets.reorder)


ROUTES = [path("tagsets/sortorder", TagSetOrderView.as_view()), *routes(TagSetsView, "tagsets")]
