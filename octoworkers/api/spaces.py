"""Spaces as a resource: born ready to use, deleted once their task queue is stopped and they are empty."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError

from accounts.api.resources import ResourceView, kept, routes
from accounts.api.spaces import SpaceResource
from accounts.permissions import Permission
from common.api.serializers import find
from domain.ids import IdKind
from octoworkers.services import spaces
from spaces.models import Space

QUEUE_RUNS = (
    "The task queue of a space has to be stopped before the space is deleted: save it with "
    "TaskQueueStopped true first."
)


class SpacesView(ResourceView):
    model = Space
    kind = IdKind.SPACE
    item_type = "Space"
    serializer_class = SpaceResource
    queryset = Space.objects.none()
    edit = Permission.EDIT_SPACE

    def listed(self) -> Any:
        return self.narrowed(self.rows())

    def object(self, ref: str) -> Space:
        space: Space = self.known(find(self.rows(), IdKind.SPACE, ref), ref)
        self.space = space
        return space

    def siblings(self) -> Any:
        return Space.objects.all()

    def make(self, data: dict[str, Any]) -> Space:
        space = spaces.create(name=data["name"], description=data["description"], user=self.user)
        if data["is_queue_stopped"]:
            self.change(space, data)
        return space

    def change(self, row: Space, data: dict[str, Any]) -> None:
        values = kept(row, data, "name", "description", "is_queue_stopped")
        spaces.edit(row, user=self.user, **values)

    def remove(self, row: Space) -> None:
        if not row.is_queue_stopped:
            raise ValidationError(QUEUE_RUNS)
        spaces.delete(row, user=self.user)


ROUTES = routes(SpacesView, "spaces")
