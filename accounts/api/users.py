"""People: who asks, and all of them for those who manage them."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.resources import ResourceView
from accounts.api.spaces import SpaceResource
from accounts.api.views import ApiView
from accounts.models import ApiKey, User
from accounts.permissions import Permission, can
from accounts.services import api_keys
from common.api.serializers import ANY_OBJECT, Always, IdField, LinksField, Moment, Resource, Text
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
        parts = {name: f"{own}/{name.lower()}" for name in ("Spaces", "ApiKeys", "Permissions")}
        return {"Self": own, **parts}


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


class ApiKeyResource(Resource):
    """Of a key everything but the key, which nobody is shown again."""

    kind = IdKind.API_KEY

    Id = IdField(IdKind.API_KEY, source="pk")
    UserId = IdField(IdKind.USER, source="user_id")
    Purpose = Text(source="purpose", read_only=True)
    ApiKey = _Computed(lambda key: {"HasValue": True, "NewValue": None, "Hint": key.hint}, ANY_OBJECT)
    Created = Moment(source="created_at", read_only=True)
    Expires = Moment(source="expires_at", read_only=True)
    LastUsed = Moment(source="last_used_at", read_only=True)
    Links = LinksField()

    def address(self, row: Any) -> str:
        owner = ids.encode(IdKind.USER, row.user_id)
        return f"/api/users/{owner}/apikeys/{ids.encode(IdKind.API_KEY, row.pk)}"


class ApiKeysView(ResourceView):
    """The valid keys of a user, for the user alone. They are made on the page of one's account."""

    model = ApiKey
    kind = IdKind.API_KEY
    item_type = "ApiKey"
    name_field = ""
    serializer_class = ApiKeyResource
    queryset = ApiKey.objects.none()
    tag = "users"

    def rows(self) -> Any:
        wanted = self.kwargs["user"].casefold()
        own = {"me", self.user.username.casefold(), ids.encode(IdKind.USER, self.user.pk).casefold()}
        if wanted not in own:
            raise Http404(f"The user {wanted[:80]!r} was not found.")
        return ApiKey.objects.filter(user=self.user, revoked_at=None)

    def listed(self) -> Any:
        return self.narrowed(self.rows())

    def object(self, ref: str) -> Any:
        number = ids.decode(IdKind.API_KEY, ref) if ids.is_id(IdKind.API_KEY, ref) else 0
        return self.known(self.rows().filter(pk=number).first(), ref)

    def remove(self, row: ApiKey) -> None:
        """The key does not work from now on."""
        api_keys.revoke(row, now=timezone.now(), user=self.user)

    def destroy(self, request: Request, ref: str, **kwargs: Any) -> Response:
        self.remove(self.object(ref))
        return Response(status=200)


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
    path("users/<str:user>/apikeys", ApiKeysView.as_view({"get": "list"})),
    path("users/<str:user>/apikeys/<str:ref>", ApiKeysView.as_view({"get": "retrieve", "delete": "destroy"})),
    path("users/<str:ref>/permissions", UserPartsView.as_view({"get": "permissions"})),
]
