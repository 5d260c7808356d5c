"""Packages and the feed that holds them. A package's id is its ID with its version."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import Http404, StreamingHttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import SerializerMethodField

from accounts.api.resources import InSpace, NamedResource, ResourceView, routes
from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import ANY_OBJECT, STRING, Always, Computed, IdField, LinksField, Moment, Text
from domain.ids import IdKind
from domain.packages import BUILT_IN_FEED, BadPackage, parse_file_name
from packages import build_api, selectors
from packages.models import Feed, Package
from packages.overwriting import overwrite_of
from packages.responses import attachment
from packages.services import builds, packages
from packages.services.files import TooLarge
from packages.services.packages import AlreadyExists

errors.refuse(BadPackage, TooLarge)
errors.refuse(AlreadyExists, code=409)


class FeedResource(NamedResource):
    kind = IdKind.FEED
    path = "feeds"

    FeedType = Text(source="feed_type", read_only=True)
    FeedUri = Always(None)

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Packages": f"{own.rpartition('/feeds/')[0]}/packages"}


class FeedsView(ResourceView):
    """Each space has one feed, the built-in one."""

    model = Feed
    kind = IdKind.FEED
    item_type = "Feed"
    serializer_class = FeedResource
    queryset = Feed.objects.none()
    edit = Permission.EDIT_FEED

    def found(self, ref: str) -> Any:
        if ref.casefold() == BUILT_IN_FEED:
            return self.rows().filter(space=self.space).first()
        return super().found(ref)


class PackageResource(InSpace):
    kind = IdKind.PACKAGE
    path = "packages"

    Id = Computed(lambda row: _id(row), STRING)
    SpaceId = IdField(IdKind.SPACE, source="space_id")
    PackageId = Text(source="package_id", read_only=True)
    Version = Text(source="version", read_only=True)
    FeedId = Always(BUILT_IN_FEED)
    FileExtension = Computed(lambda row: f".{row.extension}", STRING)
    Title = Text(source="package_id", read_only=True)
    Summary = Always("")
    Description = Always("")
    ReleaseNotes = Text(source="notes", read_only=True)
    Published = Moment(source="published_at", read_only=True)
    PackageSizeBytes = Computed(lambda row: row.size, {"type": "integer"})
    Hash = Text(source="sha256", read_only=True)
    PackageVersionBuildInformation = SerializerMethodField()
    Links = LinksField()

    def id_of(self, row: Any) -> str:
        return _id(row)

    @extend_schema_field({**ANY_OBJECT, "nullable": True})
    def get_PackageVersionBuildInformation(self, row: Package) -> Any:  # noqa: N802  # DRF's name
        found = (
            self.context["builds"] if "builds" in self.context else builds.find_all(row.space, [_pair(row)])
        )
        build = found.get((row.id_key, row.version_key))
        return build_api.shown(build) if build else None

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        web = f"/library/packages/{row.package_id}/?version={row.version}"
        return {"Self": own, "Raw": f"{own}/raw", "Web": web}


def _id(package: Package) -> str:
    return f"{IdKind.PACKAGE.value}-{package.package_id}.{package.version}"


def _pair(package: Package) -> tuple[str, str]:
    return package.package_id, package.version


class PackagesView(ResourceView):
    model = Package
    kind = IdKind.PACKAGE
    item_type = "Package"
    serializer_class = PackageResource
    queryset = Package.objects.none()
    edit = Permission.EDIT_FEED
    name_field = ""
    filters = {
        "nuGetPackageId": "The ID of one package.",
        "filter": "A part of the ID.",
        "latest": "The newest version of each package alone.",
    }

    def narrowed(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if package_id := self.query.text("nuGetPackageId"):
            rows = rows.filter(id_key=package_id.lower())
        if part := self.query.text("filter"):
            rows = rows.filter(id_key__contains=part.lower())
        if wanted := self.query.words("ids"):
            found = [package.pk for ref in wanted if (package := self.found(ref))]
            rows = rows.filter(pk__in=found)
        # Asked for before anything that narrows, it would be the newest of what is left.
        return rows.newest() if self.query.flag("latest") else rows  # type: ignore[attr-defined,no-any-return]

    def found(self, ref: str) -> Any:
        """By its id, with or without the word before it. A version ends it, as in the name of a file."""
        prefix = f"{IdKind.PACKAGE.value}-"
        name = ref[len(prefix) :] if ref.casefold().startswith(prefix) else ref
        try:
            named = parse_file_name(f"{name}.zip")
        except BadPackage:
            return None
        package = selectors.find(self.space, named.package_id, named.version)
        return self.rows().filter(pk=package.pk).first() if package else None

    def window(self, rows: Any, skip: int, take: int) -> Any:
        """With the build information of all of them at once."""
        found = super().window(rows, skip, take)
        self._builds = builds.find_all(self.space, [_pair(row) for row in found])
        return found

    def get_serializer_context(self) -> dict[str, Any]:
        known = {"builds": self._builds} if hasattr(self, "_builds") else {}
        return {**super().get_serializer_context(), **known}

    def remove(self, row: Package) -> None:
        """A 409 names the releases and snapshots that were made with it."""
        packages.delete(row, user=self.user)


class PackageFileView(PackagesView):
    @extend_schema(responses={(200, "application/octet-stream"): {"type": "string", "format": "binary"}})
    def raw(self, request: Request, ref: str) -> StreamingHttpResponse:
        """The file, as it was pushed."""
        try:
            return attachment(self.object(ref))
        except FileNotFoundError as error:
            raise Http404("The file of this package is gone from the server's storage.") from error


class PushView(ApiView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"fileToUpload": {"type": "string", "format": "binary"}},
                "required": ["fileToUpload"],
            }
        },
        responses={"201": PackageResource},
        tags=["packages"],
    )
    def post(self, request: Request) -> Response:
        """Takes in a file that is named ID.Version.extension. `?overwriteMode=` is FailIfExists, which is the
        default, OverwriteExisting or IgnoreIfExists."""
        self.require(Permission.PUSH_PACKAGE)
        overwrite = overwrite_of(self.query)
        sent = next(iter(request.FILES.values()), None)
        if sent is None:
            raise ValidationError({"fileToUpload": "Send a file as multipart/form-data."})
        package = packages.push(
            space=self.space, name=sent.name or "", stream=sent, overwrite=overwrite, user=self.user
        )
        return self.shown(PackageResource, package, code=201)


ROUTES = [
    *routes(FeedsView, "feeds"),
    path("packages/raw", PushView.as_view()),
    path("packages/<str:ref>/raw", PackageFileView.as_view({"get": "raw"})),
    *routes(PackagesView, "packages", everything=False),
    *build_api.ROUTES,
]
