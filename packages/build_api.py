"""Build information as it travels: pushed beside packages, shown with them and with releases."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import InSpace, ResourceView
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import ANY_OBJECT, Always, Body, Computed, IdField, LinksField, Moment, Text
from domain.build_information import LONGEST_COMMENT, MOST, Commit, WorkItem
from domain.ids import IdKind
from domain.packages import MAX_ID
from domain.versions import MAX_LENGTH
from packages.models import BuildInformation
from packages.overwriting import overwrite_of
from packages.services import builds
from packages.services.builds import Build, BuildExists

errors.refuse(BuildExists, code=409)

OBJECTS = {"type": "array", "items": ANY_OBJECT}


class CommitBody(Body):
    Id = Text(source="id", required=True, allow_blank=False, max_length=200, trim_whitespace=True)
    Comment = Text(source="comment", max_length=100_000)
    LinkUrl = Text(source="link", max_length=2000)


class WorkItemBody(Body):
    Id = Text(source="id", required=True, allow_blank=False, max_length=200, trim_whitespace=True)
    Description = Text(source="description", max_length=LONGEST_COMMENT)
    LinkUrl = Text(source="link", max_length=2000)
    Source = Text(source="source", max_length=100)


class BuildBody(Body):
    Branch = Text(source="branch", max_length=300)
    BuildEnvironment = Text(source="environment", max_length=100)
    BuildNumber = Text(source="number", max_length=200)
    BuildUrl = Text(source="url", max_length=2000)
    VcsType = Text(source="vcs_type", max_length=50)
    VcsRoot = Text(source="vcs_root", max_length=2000)
    VcsCommitNumber = Text(source="vcs_commit", max_length=200)
    Commits = serializers.ListField(
        child=CommitBody(), source="commits", required=False, default=list, max_length=MOST
    )
    WorkItems = serializers.ListField(
        child=WorkItemBody(), source="work_items", required=False, default=list, max_length=MOST
    )


class PushBody(Body):
    PackageId = Text(source="package_id", required=True, allow_blank=False, max_length=MAX_ID)
    Version = Text(source="version", required=True, allow_blank=False, max_length=MAX_LENGTH)
    OctopusBuildInformation = BuildBody(source="build", required=False, allow_null=True)


def commits_json(row: BuildInformation) -> list[dict[str, Any]]:
    return [{"Id": one.id, "LinkUrl": one.link, "Comment": one.comment} for one in builds.commits_of(row)]


def work_items_json(row: BuildInformation) -> list[dict[str, Any]]:
    return [
        {"Id": one.id, "LinkUrl": one.link, "Source": one.source, "Description": one.description}
        for one in builds.work_items_of(row)
    ]


class BuildInformationResource(InSpace):
    kind = IdKind.BUILD_INFORMATION
    path = "build-information"

    Id = IdField(IdKind.BUILD_INFORMATION, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="space_id")
    PackageId = Text(source="package_id", read_only=True)
    Version = Text(source="version", read_only=True)
    Branch = Text(source="branch", read_only=True)
    BuildEnvironment = Text(source="build_environment", read_only=True)
    BuildNumber = Text(source="build_number", read_only=True)
    BuildUrl = Text(source="build_url", read_only=True)
    VcsType = Text(source="vcs_type", read_only=True)
    VcsRoot = Text(source="vcs_root", read_only=True)
    VcsCommitNumber = Text(source="vcs_commit", read_only=True)
    Commits = Computed(commits_json, OBJECTS)
    WorkItems = Computed(work_items_json, OBJECTS)
    IssueTrackerName = Always("")
    IncompleteDataWarning = Always("")
    Created = Moment(source="created_at", read_only=True)
    Links = LinksField()

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Web": row.build_url} if row.build_url else {"Self": own}


def shown(row: BuildInformation) -> dict[str, Any]:
    """Within a package or a release."""
    found = dict(BuildInformationResource(row).data)
    return {name: found[name] for name in found if name not in ("Id", "SpaceId", "Links")}


class BuildInformationView(ResourceView):
    model = BuildInformation
    kind = IdKind.BUILD_INFORMATION
    item_type = "OctopusPackageVersionBuildInformation"
    serializer_class = BuildInformationResource
    queryset = BuildInformation.objects.none()
    edit = Permission.EDIT_FEED
    name_field = ""
    filters = {
        "packageId": "The ID of one package.",
        "filter": "A part of the ID.",
        "latest": "That of the newest version of each package alone.",
    }

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if package_id := self.query.text("packageId"):
            rows = rows.filter(id_key=package_id.lower())
        if part := self.query.text("filter"):
            rows = rows.filter(id_key__contains=part.lower())
        return builds.newest(rows) if self.query.flag("latest") else rows

    @extend_schema(request=PushBody, responses={"201": BuildInformationResource})
    def create(self, request: Request, **kwargs: Any) -> Response:
        """`?overwriteMode=` is FailIfExists, which is the default, OverwriteExisting or IgnoreIfExists."""
        self.require(Permission.PUSH_PACKAGE)
        overwrite = overwrite_of(self.query)
        data = self.body(PushBody)
        row = builds.push(
            space=self.space,
            package_id=data["package_id"],
            version=data["version"],
            build=_build(data.get("build") or {}),
            overwrite=overwrite,
            user=self.user,
        )
        return self.shown(BuildInformationResource, row, code=201)

    def remove(self, row: BuildInformation) -> None:
        builds.delete(row, user=self.user)


def _build(data: dict[str, Any]) -> Build:
    lists = {
        "commits": [
            Commit(**{**one, "comment": one["comment"][:LONGEST_COMMENT]}) for one in data.get("commits", ())
        ],
        "work_items": [WorkItem(**one) for one in data.get("work_items", ())],
    }
    return Build(**{**data, **lists})


ROUTES = [
    path("build-information", BuildInformationView.as_view({"get": "list", "post": "create"})),
    path(
        "build-information/<str:ref>", BuildInformationView.as_view({"get": "retrieve", "delete": "destroy"})
    ),
]
