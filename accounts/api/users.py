"""People: who asks, and all of them for those who manage them."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.resources import ResourceView
from accounts.api.spaces import SpaceResource
from accounts.api.views import ApiView
from accounts.models import User
from accounts.permissions import Permission, can
from common.api.serializers import Always, IdField, LinksField, Resource, Text
from common.api.serializers import Computed as _Computed
from domain import ids
from domain.ids import IdKind
from spaces.models import Space


class UserResource(Resource):
    kind = IdKind.USER

    Id = IdField(IdKind.USER, source="pk")
    Username = Text(source="username", read_only=True)
    DisplayName = Text(source="__str__", read_only=True)
    EmailAddress = Text(source="email", read_only=True)
    IsActive = _Computed(lambda user: user.is_active, {"type": "boolean"})
    IsService = Always(False)
    IsRequestor = _Computed(lambda user: True, {"type": "boolean"})
    CanPasswordBeEdited = Always(True)
    Identities = Always([])
    Role = Text(source="role", read_only=True)
    Links = LinksField()

    def address(self, row: Any) -> str:
        return f"/api/users/{ids.encode(IdKind.USER, row.pk)}"

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Spaces": f"{own}/spaces", "Permissions": f"{own}/permissions"}


class MeView(ApiView):
    @extend_schema(responses=UserResource, tags=["users"])
    def get(self, request: Request) -> Response:
        return self.shown(UserResource, self.user)


class UsersView(ResourceView):
    model = User
    kind = IdKind.USER
    item_type = "User"
    name_field = "username"
    serializer_class = UserResource
    queryset = User.objects.none()
    filters = {"filter": "A part of the user name."}

    def rows(self) -> Any:
        """Those who may not manage people see themselves."""
        if can(self.user, Permission.EDIT_USER):
            return User.objects.all()
        return User.objects.filter(pk=self.user.pk)

    def listed(self) -> Any:
        rows = self.narrowed(self.rows())
        part = self.query.text("filter")
        return rows.filter(username__icontains=part) if part else rows

    def found(self, ref: str) -> Any:
        if ids.is_id(IdKind.USER, ref):
            return self.rows().filter(pk=ids.decode(IdKind.USER, ref)).first()
        return self.rows().filter(username__iexact=ref).first()

    def object(self, ref: str) -> Any:
        return self.known(self.found(ref), ref)


class UserPartsView(ViewSetMixin, ApiView):
    arrays = ("spaces",)

    def _user(self, ref: str) -> User:
        own = {"me", self.user.username.casefold(), ids.encode(IdKind.USER, self.user.pk).casefold()}
        if ref.casefold() in own:
            return self.user
        rows = User.objects.all() if can(self.user, Permission.EDIT_USER) else User.objects.none()
        number = ids.decode(IdKind.USER, ref) if ids.is_id(IdKind.USER, ref) else 0
        found = rows.filter(pk=number).first()
        if found is None:
            raise Http404(f"The user {ref[:80]!r} was not found.")
        return found

    @extend_schema(responses=SpaceResource)
    def spaces(self, request: Request, ref: str) -> Response:
        rows = Space.objects.visible_to(self._user(ref))
        return Response(SpaceResource(rows, many=True, context=self.get_serializer_context()).data)

    @extend_schema(
        responses={
            "type": "object",
            "properties": {
                "Id": {"type": "string"},
                "SpacePermissions": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {}},
                },
                "SystemPermissions": {"type": "array", "items": {"type": "string"}},
                "Links": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
    )
    def permissions(self, request: Request, ref: str) -> Response:
        user = self._user(ref)
        granted = [permission.value for permission in Permission if can(user, permission)]
        user_id = ids.encode(IdKind.USER, user.pk)
        return Response(
            {
                "Id": user_id,
                "SpacePermissions": {name: [] for name in granted},
                "SystemPermissions": granted,
                "Links": {"Self": f"/api/users/{user_id}/permissions"},
            }
        )


ROUTES = [
    path("users/me", MeView.as_view()),
    path("users", UsersView.as_view({"get": "list"})),
    path("users/all", UsersView.as_view({"get": "all"})),
    path("users/<str:ref>", UsersView.as_view({"get": "retrieve"})),
    path("users/<str:ref>/spaces", UserPartsView.as_view({"get": "spaces"})),
    path("users/<str:ref>/permissions", UserPartsView.as_view({"get": "permissions"})),
]
