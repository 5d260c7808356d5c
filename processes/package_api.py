"""The packages of an action as they travel: beside its settings, as clients know them. Here they are
settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api.serializers import Body, Text
from domain import ids
from domain.ids import IdKind
from domain.package_references import (
    FEED_ID,
    PACKAGE_ID,
    REFERENCES,
    BadReferences,
    PackageReference,
    checked,
    references_of,
    written,
)
from domain.packages import BUILT_IN_FEED, MAX_ID, Acquisition


class PackageBody(Body):
    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="reference_id")
    Name = Text(source="name", max_length=100, trim_whitespace=True)
    PackageId = Text(source="package_id", required=True, allow_blank=False, max_length=MAX_ID)
    FeedId = Text(source="feed_id", max_length=100)
    AcquisitionLocation = serializers.ChoiceField(
        list(Acquisition), source="acquisition", default=Acquisition.SERVER.value
    )
    Properties = serializers.DictField(source="settings", required=False, default=dict)

    def validate_FeedId(self, value: str) -> str:  # noqa: N802 - named by the field
        if value and value.casefold() != BUILT_IN_FEED and not ids.is_id(IdKind.FEED, value):
            raise ValidationError(f"There is only the built-in feed here, {BUILT_IN_FEED}.")
        return value

    def validate_AcquisitionLocation(self, value: str) -> str:  # noqa: N802 - named by the field
        if value == Acquisition.NONE:
            raise ValidationError("Workers fetch each package here: send Server or ExecutionTarget.")
        return value


def with_packages(properties: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Settings with the packages that were sent beside them; their own package may stand in both."""
    own = properties.get(PACKAGE_ID, "").strip()
    found = [_reference(row) for row in rows]
    if own and not any(not one.name for one in found):
        found.insert(0, PackageReference("", own))
    try:
        checked(found)
    except BadReferences as error:
        raise ValidationError({"Packages": [str(error)]}) from error
    others = {
        name: value for name, value in properties.items() if name not in (PACKAGE_ID, FEED_ID, REFERENCES)
    }
    return {**others, **written(found)}


def _reference(row: Mapping[str, Any]) -> PackageReference:
    extract = str(row["settings"].get("Extract") or "True").strip().lower() != "false"
    return PackageReference(row["name"], row["package_id"], extract or not row["name"])


def packages_json(properties: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        found = references_of(properties)
    except BadReferences:
        return []
    return [
        {
            "Id": one.name or "primary",
            "Name": one.name,
            "PackageId": one.package_id,
            "FeedId": BUILT_IN_FEED,
            "AcquisitionLocation": Acquisition.TARGET.value,
            "Properties": {"Extract": str(one.extract), "SelectionMode": "immediate"},
        }
        for one in found
    ]


def plain_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Without what stands beside them, and with the feed that clients expect."""
    plain = {name: value for name, value in properties.items() if name != REFERENCES}
    return {**plain, FEED_ID: BUILT_IN_FEED} if properties.get(PACKAGE_ID) else plain
