"""The audit, for those who may read it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import ResourceView, any_of
from accounts.models import Event
from accounts.permissions import Permission
from common.api.serializers import (
    ANY_OBJECT,
    STRINGS,
    Always,
    Computed,
    IdField,
    LinksField,
    Moment,
    Resource,
    Text,
)
from domain import ids
from domain.ids import IdKind

#: What a row of the audit is about, to the kind of its id.
KINDS = {
    "Space": IdKind.SPACE,
    "User": IdKind.USER,
    "ApiKey": IdKind.API_KEY,
    "WorkerPool": IdKind.WORKER_POOL,
    "Machine": IdKind.WORKER,
    "Environment": IdKind.ENVIRONMENT,
    "Lifecycle": IdKind.LIFECYCLE,
    "ProjectGroup": IdKind.PROJECT_GROUP,
    "Project": IdKind.PROJECT,
    "Runbook": IdKind.RUNBOOK,
    "RunbookSnapshot": IdKind.RUNBOOK_SNAPSHOT,
    "Release": IdKind.RELEASE,
    "ServerTask": IdKind.TASK,
    "Tenant": IdKind.TENANT,
    "TagSet": IdKind.TAG_SET,
}


def _related(event: Event) -> list[str]:
    kind = KINDS.get(event.subject_kind)
    is_number = event.subject_id.isascii() and event.subject_id.isdigit()
    return [ids.encode(kind, int(event.subject_id))] if kind and is_number else []


class EventResource(Resource):
    kind = IdKind.EVENT

    Id = IdField(IdKind.EVENT, source="pk")
    SpaceId = Computed(
        lambda row: ids.encode(IdKind.SPACE, row.space_id) if row.space_id else None,
        {"type": "string", "nullable": True},
    )
    Category = Text(source="category", read_only=True)
    UserId = Computed(
        lambda row: ids.encode(IdKind.USER, row.user_id) if row.user_id else "", {"type": "string"}
    )
    Username = Text(source="username", read_only=True)
    IdentityEstablishedWith = Always("")
    Occurred = Moment(source="occurred_at", read_only=True)
    Message = Text(source="message", read_only=True)
    RelatedDocumentIds = Computed(_related, STRINGS)
    Details = Computed(lambda row: row.details, ANY_OBJECT)
    Links = LinksField()

    def address(self, row: Any) -> str:
        return f"/api/events/{ids.encode(IdKind.EVENT, row.pk)}"


class EventsView(ResourceView):
    model = Event
    kind = IdKind.EVENT
    item_type = "Event"
    serializer_class = EventResource
    queryset = Event.objects.none()
    name_field = ""
    filters = {
        "regarding": "Ids, joined by commas.",
        "eventCategories": "For example Created, Modified, Deleted; joined by commas.",
        "user": "The id of a user.",
    }

    def rows(self) -> Any:
        self.require(Permission.VIEW_AUDIT)
        return Event.objects.visible_to(self.user)

    def listed(self) -> Any:
        """Those of the space, and the server's own."""
        rows = self.narrowed(self.rows().filter(Q(space=self.space) | Q(space=None)))
        users = [
            ids.decode(IdKind.USER, one) for one in self.query.words("user") if ids.is_id(IdKind.USER, one)
        ]
        categories = any_of("category", self.query.words("eventCategories"))
        return rows.filter(categories, any_of("user", users), self._regarding())

    def _regarding(self) -> Q:
        found = Q()
        for ref in self.query.words("regarding"):
            one = Q(pk=None)
            for subject, kind in KINDS.items():
                if ids.is_id(kind, ref):
                    one |= Q(subject_kind=subject, subject_id=str(ids.decode(kind, ref)))
            found |= one
        return found

    def found(self, ref: str) -> Any:
        if not ids.is_id(IdKind.EVENT, ref):
            return None
        return self.rows().filter(pk=ids.decode(IdKind.EVENT, ref)).first()

    def object(self, ref: str) -> Any:
        return self.known(self.found(ref), ref)

    @extend_schema(responses={"type": "array", "items": ANY_OBJECT})
    def categories(self, request: Request) -> Response:
        names = self.rows().order_by().values_list("category", flat=True).distinct()
        return Response([{"Id": name, "Name": name} for name in sorted(names)])

    @extend_schema(responses={"type": "array", "items": ANY_OBJECT})
    def document_types(self, request: Request) -> Response:
        self.require(Permission.VIEW_AUDIT)
        return Response([{"Id": kind.value, "Name": name} for name, kind in KINDS.items()])


ROUTES = [
    path("events/categories", EventsView.as_view({"get": "categories"})),
    path("events/documenttypes", EventsView.as_view({"get": "document_types"})),
    path("events", EventsView.as_view({"get": "list"})),
    path("events/<str:ref>", EventsView.as_view({"get": "retrieve"})),
]
