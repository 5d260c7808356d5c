"""Sorting rows by hand: every id, in the new order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api import errors
from common.ordering import StaleOrder
from domain import ids
from domain.ids import IdKind

errors.refuse(StaleOrder, code=409)

_IDS = {"type": "array", "items": {"type": "string"}}


class OrderView(ApiView):
    """Subclasses say their model and the service that orders it."""

    kind: IdKind
    model: Any
    edit: Permission
    reorder: Callable[..., None]

    @extend_schema(description="The ids in their order, as they are.", responses=_IDS)
    def get(self, request: Request) -> Response:
        return Response(self._ids())

    @extend_schema(
        description="The ids in their new order.", request={"application/json": _IDS}, responses=_IDS
    )
    def put(self, request: Request) -> Response:
        self.require(self.edit)
        type(self).reorder(space=self.space, ids=self._wanted(request.data), user=self.user)
        return Response(self._ids())

    def _wanted(self, data: Any) -> list[int]:
        if not isinstance(data, list) or not all(ids.is_id(self.kind, str(one)) for one in data):
            raise ValidationError(f"Send a list of ids, such as {ids.encode(self.kind, 1)}.")
        return [ids.decode(self.kind, str(one)) for one in data]

    def _ids(self) -> list[str]:
        return [ids.encode(self.kind, pk) for pk in self.visible(self.model).values_list("pk", flat=True)]
