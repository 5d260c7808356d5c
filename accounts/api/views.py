"""What every view of the API is made of: who asks, in which space, and how it is answered."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import Http404
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import ApiKeyAuthentication, PageSession
from accounts.api.throttling import KeyThrottle
from accounts.models import User
from accounts.permissions import Permission, require
from common.api import errors
from common.api.parsing import Query, TolerantJSONParser
from common.api.serializers import find
from domain.ids import IdKind
from spaces.models import Space


class IsKnown(BasePermission):
    """Somebody who may sign in; what they may do is asked with `require`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(getattr(request.user, "is_active", False))


class AlwaysJSON(BaseContentNegotiation):
    """There is one form, so headers that ask for others, or say nothing of use, are no reason to refuse."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(GenericAPIView[Any]):
    authentication_classes = [ApiKeyAuthentication, PageSession]
    permission_classes = [IsKnown]
    throttle_classes = [KeyThrottle]
    parser_classes = [TolerantJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    pagination_class = None
    filter_backends = []
    http_method_names = ["get", "head", "post", "put", "delete"]
    #: For `serializers.Resource` and OpenAPI.
    queryset: Any = Space.objects.none()

    query: Query

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.query = Query(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if rate := getattr(request._request, "api_rate", None):
            for name, value in rate.headers.items():
                answer[name] = value
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    def get_exception_handler(self) -> Any:
        return errors.handle

    @property
    def user(self) -> User:
        user: Any = self.request.user
        return user  # type: ignore[no-any-return]

    def require(self, permission: Permission, obj: object = None) -> None:
        """Raises `NotAllowed`, which is a 403."""
        require(self.user, permission, obj)

    @property
    def space(self) -> Space:
        """The space of the address, or the default one. A 404 where there is no such space."""
        if not hasattr(self, "_space"):
            self._space = self._named_space()
        return self._space

    @space.setter
    def space(self, space: Space) -> None:
        self._space = space

    @property
    def names_space(self) -> bool:
        """Whether the address says which space is meant."""
        return bool(getattr(self.request._request, "api_space", ""))

    def _named_space(self) -> Space:
        name = getattr(self.request._request, "api_space", "")
        visible = Space.objects.visible_to(self.user)
        # The middleware of the pages has looked the default one up.
        found = find(visible, IdKind.SPACE, name) if name else getattr(self.request._request, "space", None)
        if found is None:
            raise Http404(f"The space {name!r} was not found.")
        space: Space = found
        return space

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "visible": self.visible}

    def visible(self, model: Any) -> models.QuerySet[Any]:
        """Rows of the space that this request may name."""
        return model.objects.visible_to(self.user).filter(**{space_path(model): self.space.pk})  # type: ignore[no-any-return]

    def body(self, serializer: type[Any], **kwargs: Any) -> dict[str, Any]:
        """The checked body of this request. Raises a 400."""
        read = serializer(data=self.request.data, context=self.get_serializer_context(), **kwargs)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def shown(self, serializer: type[Any], row: Any, *, code: int = 200) -> Response:
        return Response(serializer(row, context=self.get_serializer_context()).data, status=code)


#: Where rows say their space, for models that do so through something else; each app adds its own.
SPACE_PATHS: dict[str, str] = {"spaces.Space": "pk"}


def space_path(model: Any) -> str:
    """The way from a row to its space, in the words of a filter."""
    return SPACE_PATHS.get(model._meta.label, "space")


def space_id_of(row: Any) -> int:
    """The number of a row's space, without reading the space."""
    if isinstance(row, Space):
        return row.pk
    *way, last = space_path(type(row)).split("__")
    for name in way:
        row = getattr(row, name)
    return getattr(row, f"{last}_id")  # type: ignore[no-any-return]


def space_of(row: Any) -> Space:
    """The space of a row."""
    if isinstance(row, Space):
        return row
    found = row
    for name in space_path(type(row)).split("__"):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]
