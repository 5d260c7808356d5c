"""Worker pools."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.ordering import OrderView
from accounts.api.resources import NamedResource, ResourceView, kept, routes
from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api.serializers import STRINGS, Always
from domain.ids import IdKind
from pools.models import WorkerPool
from pools.services import pools

STATIC = "StaticWorkerPool"


class WorkerPoolResource(NamedResource):
    kind = IdKind.WORKER_POOL
    path = "workerpools"

    WorkerPoolType = serializers.CharField(default=STATIC, source="pool_type")
    IsDefault = serializers.BooleanField(source="is_default", default=False)
    SortOrder = serializers.IntegerField(source="sort_order", read_only=True)
    CanAddWorkers = Always(True)

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Workers": f"{own}/workers"}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        instance.pool_type = STATIC
        return super().to_representation(instance)

    def validate_WorkerPoolType(self, value: str) -> str:  # noqa: N802  # DRF's name for a field's check
        if value != STATIC:
            raise ValidationError(f"Octoworkers has no pools of this kind, only {STATIC}.")
        return value


class WorkerPoolsView(ResourceView):
    model = WorkerPool
    kind = IdKind.WORKER_POOL
    item_type = "WorkerPool"
    serializer_class = WorkerPoolResource
    queryset = WorkerPool.objects.none()
    edit = Permission.EDIT_POOL
    take = 10

    def make(self, data: dict[str, Any]) -> WorkerPool:
        with transaction.atomic():
            pool = pools.create(
                space=self.space, name=data["name"], description=data["description"], user=self.user
            )
            if data["is_default"]:
                pools.make_default(pool, user=self.user)
        return pool

    def change(self, row: WorkerPool, data: dict[str, Any]) -> None:
        """Another pool becomes the default; that this one ceases to be it cannot be said."""
        with transaction.atomic():
            pools.edit(row, user=self.user, **kept(row, data, "name", "description"))
            if data.get("is_default") and not row.is_default:
                pools.make_default(row, user=self.user)

    def remove(self, row: WorkerPool) -> None:
        pools.delete(row, user=self.user)


class PoolOrderView(OrderView):
    kind = IdKind.WORKER_POOL
    model = WorkerPool
    edit = Permission.EDIT_POOL
    reorder = staticmethod(pools.reorder)


class SupportedTypesView(ApiView):
    @extend_schema(
        responses={"type": "object", "properties": {"SupportedPoolTypes": STRINGS}}, tags=["workerpools"]
    )
    def get(self, request: Request) -> Response:
        return Response({"SupportedPoolTypes": [STATIC]})


class DynamicTypesView(ApiView):
    """There are no machines of the cloud here, so there are no types of them."""

    @extend_schema(
        responses={"type": "object", "properties": {"WorkerTypes": {"type": "array", "items": {}}}},
        tags=["workerpools"],
    )
    def get(self, request: Request) -> Response:
        return Response({"WorkerTypes": []})


ROUTES = [
    path("workerpools/sortorder", PoolOrderView.as_view()),
    path("workerpools/supportedtypes", SupportedTypesView.as_view()),
    path("workerpools/dynamicworkertypes", DynamicTypesView.as_view()),
    *routes(WorkerPoolsView, "workerpools"),
]
