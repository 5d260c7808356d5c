"""Kinds of things that clients ask for and that do not exist here, such as proxies. An empty
list is the answer that they understand."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.views import ApiView
from common.api import collections

EMPTY = collections.schema({"type": "object", "additionalProperties": {}}, "Item")


class NothingView(ViewSetMixin, ApiView):
    item_type = ""

    @extend_schema(responses=EMPTY)
    def listing(self, request: Request, **kwargs: Any) -> Response:
        """There are none."""
        skip, take = self.query.number("skip", 0), self.query.number("take", collections.TAKE)
        address = f"/api/Spaces-{self.space.pk}/{self.request.path_info.rpartition('/')[2]}"
        return Response(
            collections.collection(
                [], item_type=self.item_type, total=0, skip=skip, take=take, path=address, query={}
            )
        )

    @extend_schema(responses={"type": "object", "additionalProperties": {}})
    def all(self, request: Request) -> Response:
        """There are none."""
        return Response([])

    @extend_schema(responses={"type": "object", "additionalProperties": {}})
    def retrieve(self, request: Request, ref: str) -> Response:
        """There is none."""
        raise Http404(f"The resource {ref[:80]!r} was not found.")


class ProxiesView(NothingView):
    item_type = "Proxy"


def _routes(view: type[NothingView], route: str) -> list[Any]:
    return [
        path(route, view.as_view({"get": "listing"})),
        path(f"{route}/all", view.as_view({"get": "all"})),
        path(f"{route}/<str:ref>", view.as_view({"get": "retrieve"})),
    ]


ROUTES = [
    *_routes(ProxiesView, "proxies"),
]
