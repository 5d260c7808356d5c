"""Addresses of the API that lead nowhere: for those who are known a 404, for others a 401."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView


@extend_schema(exclude=True)
class UnknownView(ApiView):
    http_method_names = ["get", "head", "post", "put", "delete", "patch"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404(f"The address {request.path[:200]} was not found.")

    def get(self, request: Request, rest: str) -> Response:
        raise Http404

    post = put = delete = patch = get
