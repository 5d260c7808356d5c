"""A resource with its list: read page by page, all at once, by ids or by name; made, changed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.http import Http404
from django.urls import URLPattern, path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.views import ApiView, space_id_of, space_of, space_path
from accounts.permissions import Permission
from common.api import collections
from common.api.serializers import IdField, LinksField, Moment, Resource, Text
from domain import ids
from domain.ids import IdKind
from spaces.models import Space

TAKEN = "This name is taken in this space. Choose another one."


class InSpace(Resource):
    """A resource of a space: `path` is its list's, below the space. A field is named as it travels."""

    path: ClassVar[str]

    def address(self, row: Any) -> str:
        return f"/api/{ids.encode(IdKind.SPACE, space_id_of(row))}/{self.path}/{self.id_of(row)}"

    def id_of(self, row: Any) -> str:
        return ids.encode(self.kind, row.pk)


class NamedResource(InSpace):
    """A row of `spaces.models.NamedInSpace`."""

    SpaceId = IdField(IdKind.SPACE, source="space_id")
    Name = Text(source="name", required=True, allow_blank=False, max_length=120, trim_whitespace=True)
    Slug = Text(source="slug", read_only=True)
    Description = Text(source="description", max_length=2000)
    LastModifiedOn = Moment(source="updated_at", read_only=True)
    Links = LinksField()

    def get_fields(self) -> dict[str, Any]:
        return {"Id": IdField(self.kind, source="pk"), **super().get_fields()}


class ResourceView(ViewSetMixin, ApiView):
    """Subclasses say `model`, `kind`, `item_type` and their serializer, and override `make`, `change` and
    `remove` where clients may do so, each with one call of a service."""

    model: Any
    kind: IdKind
    item_type: str
    edit: Permission
    take = collections.TAKE
    #: The field by which `name` and `partialName` look.
    name_field = "name"
    action: str

    # --- what is there ---------------------------------------------------------------------------

    def rows(self) -> models.QuerySet[Any]:
        """All that this user may see, in any space, with what the serializer needs."""
        return self.model.objects.visible_to(self.user)  # type: ignore[no-any-return]

    def listed(self) -> models.QuerySet[Any]:
        """What the list shows: the space's, narrowed by the query."""
        return self.narrowed(self.rows().filter(**{space_path(self.model): self.space.pk}))

    def narrowed(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if wanted := self.query.words("ids"):
            rows = rows.filter(pk__in=numbers(self.kind, wanted))
        if self.name_field:
            if part := self.query.text("partialName"):
                rows = rows.filter(**{f"{self.name_field}__icontains": part})
            if name := self.query.text("name"):
                rows = rows.filter(**{f"{self.name_field}__iexact": name})
        return rows

    def object(self, ref: str) -> Any:
        """The row by id, in any space unless the address names one, or by slug or name in the space."""
        row = self.known(self.found(ref), ref)
        self.space = space_of(row)
        return row

    @staticmethod
    def known(row: Any, ref: str) -> Any:
        """The row; a 404 where there is none."""
        if row is None:
            raise Http404(f"The resource {ref[:100]!r} was not found.")
        return row

    def found(self, ref: str) -> Any:
        rows = self.rows()
        is_id = ids.is_id(self.kind, ref)
        if self.names_space or not is_id:
            rows = rows.filter(**{space_path(self.model): self.space.pk})
        if is_id:
            return rows.filter(pk=ids.decode(self.kind, ref)).first()
        return self.by_name(rows, ref)

    def by_name(self, rows: models.QuerySet[Any], ref: str) -> Any:
        names = {field.name for field in self.model._meta.get_fields()}
        for name in ("slug", self.name_field):
            if name in names and (found := rows.filter(**{f"{name}__iexact": ref}).first()):
                return found
        return None

    # --- reading ---------------------------------------------------------------------------------

    def list(self, request: Request, **kwargs: Any) -> Response:
        return self.page(self.listed())

    def page(self, rows: models.QuerySet[Any], *, serializer: Any = None, item_type: str = "") -> Response:
        skip, take = self.query.number("skip", 0), self.query.number("take", self.take)
        total = rows.count()
        shown = self.window(rows, skip, take) if skip < total else []
        many = (serializer or self.get_serializer_class())(
            shown, many=True, context=self.get_serializer_context()
        )
        return Response(
            collections.collection(
                many.data,
                item_type=item_type or self.item_type,
                total=total,
                skip=skip,
                take=take,
                path=getattr(self.request._request, "api_path", self.request.path),
                query=self._other_parameters(),
            )
        )

    def window(self, rows: models.QuerySet[Any], skip: int, take: int) -> Sequence[Any]:
        """The rows of one page."""
        return tuple(rows[skip : skip + take])

    def _other_parameters(self) -> dict[str, str]:
        given = self.request.query_params
        return {name: given[name] for name in given if name.casefold() not in {"skip", "take"}}

    def all(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.listed(), many=True).data)

    def retrieve(self, request: Request, ref: str, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.object(ref)).data)

    # --- acting ----------------------------------------------------------------------------------

    def create(self, request: Request, **kwargs: Any) -> Response:
        self.require(self.edit)
        data = self.body(self.get_serializer_class())
        self.refuse_taken_name(data)
        row = self.make(data)
        return Response(self.get_serializer(self.reread(row)).data, status=201)

    def update(self, request: Request, ref: str, **kwargs: Any) -> Response:
        """What the body leaves out stays as it is."""
        row = self.object(ref)
        self.require(self.edit, row)
        data = self.body(self.get_serializer_class(), partial=True)
        self.refuse_taken_name(data, but=row)
        self.change(row, data)
        return Response(self.get_serializer(self.reread(row)).data)

    def destroy(self, request: Request, ref: str, **kwargs: Any) -> Response:
        row = self.object(ref)
        self.require(self.edit, row)
        self.remove(row)
        return Response(status=200)

    def make(self, data: dict[str, Any]) -> Any:
        raise NotImplementedError

    def change(self, row: Any, data: dict[str, Any]) -> None:
        raise NotImplementedError

    def remove(self, row: Any) -> None:
        raise NotImplementedError

    def reread(self, row: Any) -> Any:
        return self.rows().get(pk=row.pk)

    def refuse_taken_name(self, data: dict[str, Any], *, but: Any = None) -> None:
        """The constraint in the database stands behind it."""
        if "name" not in data or not self.name_field:
            return
        others = self.siblings().filter(**{f"{self.name_field}__iexact": data["name"]})
        if (others.exclude(pk=but.pk) if but else others).exists():
            raise ValidationError({"Name": TAKEN})

    def siblings(self) -> models.QuerySet[Any]:
        """Those among which a name is unique, seen or not."""
        return self.model.objects.filter(**{space_path(self.model): self.space.pk})  # type: ignore[no-any-return]


def kept(row: Any, data: dict[str, Any], *names: str) -> dict[str, Any]:
    """The values of these fields: those of the body, or else those of the row."""
    return {name: data[name] if name in data else getattr(row, name) for name in names}


def numbers(kind: IdKind, wanted: Sequence[str]) -> list[int]:
    """The numbers of those that are ids of the kind; others are nobody's."""
    return [ids.decode(kind, text) for text in wanted if ids.is_id(kind, text)]


def any_of(field: str, values: Sequence[Any]) -> Q:
    """No values mean no filter."""
    return Q(**{f"{field}__in": values}) if values else Q()


_LIST = {"list": "get", "create": "post"}
_ONE = {"retrieve": "get", "update": "put", "destroy": "delete"}
#: The method that a subclass overrides to offer an act.
_ACTS = {"create": "make", "update": "change", "destroy": "remove"}


def routes(view: type[ResourceView], route: str, *, everything: bool = True) -> list[URLPattern]:
    """The addresses of a resource below /api/; acts that the view does not override are left out."""
    found = [path(route, view.as_view(_methods(view, _LIST)))]
    if everything:
        found.append(path(f"{route}/all", view.as_view({"get": "all"})))
    found.append(path(f"{route}/<str:ref>", view.as_view(_methods(view, _ONE))))
    return found


def _methods(view: type[ResourceView], actions: dict[str, str]) -> dict[str, Any]:
    def offered(action: str) -> bool:
        hook = _ACTS.get(action)
        return hook is None or getattr(view, hook) is not getattr(ResourceView, hook)

    return {method: action for action, method in actions.items() if offered(action)}


__all__ = [
    "InSpace",
    "NamedResource",
    "ResourceView",
    "Space",
    "any_of",
    "kept",
    "numbers",
    "routes",
]
