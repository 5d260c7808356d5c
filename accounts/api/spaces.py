"""The form of a space; what makes and deletes one stands in the top layer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common.api.serializers import Always, IdField, LinksField, Moment, Resource, Text
from domain import ids
from domain.ids import IdKind


class SpaceResource(Resource):
    kind = IdKind.SPACE

    Id = IdField(IdKind.SPACE, source="pk")
    Name = Text(source="name", required=True, allow_blank=False, max_length=50, trim_whitespace=True)
    Slug = Text(source="slug", read_only=True)
    Description = Text(source="description", max_length=2000)
    IsDefault = serializers.BooleanField(source="is_default", read_only=True)
    IsPrivate = Always(False)
    TaskQueueStopped = serializers.BooleanField(source="is_queue_stopped", default=False)
    SpaceManagersTeams = Always([])
    SpaceManagersTeamMembers = Always([])
    LastModifiedOn = Moment(source="updated_at", read_only=True)
    Links = LinksField()

    def address(self, row: Any) -> str:
        return f"/api/spaces/{ids.encode(IdKind.SPACE, row.pk)}"

    def links(self, row: Any) -> dict[str, str]:
        space_id = ids.encode(IdKind.SPACE, row.pk)
        return {"Self": self.address(row), "SpaceHome": f"/api/{space_id}", "Web": f"/app#/{space_id}"}
