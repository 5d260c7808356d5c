"""The files that runs left."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.urls import path
from django.utils.http import content_disposition_header
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.api.resources import InSpace, ResourceView, numbers
from common import objects
from common.api import errors
from common.api.serializers import STRING, Computed, IdField, LinksField, Moment, Text
from common.streaming import stream
from domain.ids import IdKind
from tasks.models import Artifact, ArtifactState
from tasks.services import artifacts

errors.refuse(objects.ObjectGone, code=404)


class ArtifactResource(InSpace):
    """`State` is Uploading, Stored, Refused or Removed; there is content only for Stored."""

    kind = IdKind.ARTIFACT
    path = "artifacts"

    Id = Computed(lambda row: f"{IdKind.ARTIFACT.value}-{row.pk}", STRING)
    SpaceId = IdField(IdKind.SPACE, source="space_id")
    Filename = Text(source="name", read_only=True)
    Source = Computed(lambda row: row.attempt.execution.name if row.attempt else "", STRING)
    ServerTaskId = IdField(IdKind.TASK, source="task_id")
    Created = Moment(source="created_at", read_only=True)
    LogCorrelationId = Computed(lambda row: correlation(row), STRING)
    State = Text(source="state", read_only=True)
    Message = Text(source="message", read_only=True)
    Size = Computed(lambda row: row.size, {"type": "integer"})
    Sha256 = Text(source="sha256", read_only=True)
    Links = LinksField()

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Content": f"{own}/content"}

    def id_of(self, row: Any) -> str:
        return f"{self.kind.value}-{row.pk}"


def correlation(row: Artifact) -> str:
    """Of the attempt in the activity tree of the task's details."""
    if row.attempt is None:
        return f"ServerTasks-{row.task_id}"
    return f"ServerTasks-{row.task_id}/{row.attempt.execution.number}/{row.attempt.epoch}"


class ArtifactsView(ResourceView):
    model = Artifact
    kind = IdKind.ARTIFACT
    item_type = "Artifact"
    serializer_class = ArtifactResource
    queryset = Artifact.objects.none()
    name_field = ""
    filters = {"regarding": "The id of a task."}

    def rows(self) -> Any:
        rows = Artifact.objects.visible_to(self.user).select_related("space", "attempt__execution")
        return rows.order_by("-created_at", "number")

    def narrowed(self, rows: Any) -> Any:
        if wanted := self.query.words("ids"):
            rows = rows.filter(pk__in=[pk for pk in map(_uuid, wanted) if pk])
        if regarding := self.query.words("regarding"):
            rows = rows.filter(task__in=numbers(IdKind.TASK, regarding))
        return rows

    def found(self, ref: str) -> Any:
        rows = self.rows().filter(pk=_uuid(ref)) if _uuid(ref) else self.rows().none()
        return (rows.filter(space=self.space) if self.names_space else rows).first()

    @extend_schema(responses={(200, "application/octet-stream"): {"type": "string", "format": "binary"}})
    def content(self, request: Request, ref: str) -> HttpResponseBase:
        """The file, byte for byte."""
        row = self.object(ref)
        if row.state != ArtifactState.STORED:
            raise Http404("The content of this artifact was not found.")
        headers = {
            "Content-Disposition": content_disposition_header(True, row.name) or "attachment",
            "Content-Length": str(row.size),
        }
        blocks = artifacts.content(row)
        return stream(request._request, blocks, content_type="application/octet-stream", headers=headers)


def _uuid(ref: str) -> UUID | None:
    prefix, _, text = ref.strip().partition("-")
    try:
        return UUID(text) if prefix.casefold() == IdKind.ARTIFACT.value.casefold() else None
    except ValueError:
        return None


ROUTES = [
    path("artifacts", ArtifactsView.as_view({"get": "list"})),
    path("artifacts/<str:ref>", ArtifactsView.as_view({"get": "retrieve"})),
    path("artifacts/<str:ref>/content", ArtifactsView.as_view({"get": "content"})),
]
