"""The channels of projects."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.api.resources import InSpace, ResourceView, routes
from accounts.api.views import SPACE_PATHS
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import Always, Body, IdField, LinksField, Moment, Ref, Text
from domain import ids
from domain.channels import LONGEST_RANGE, LONGEST_TAG, MOST_RULES, ChannelRule, RulePackage, rules_of
from domain.ids import IdKind
from environments.models import Lifecycle
from projects.api.projects import InProject
from projects.api.releases import ReleasesView
from projects.models import Channel, Project
from projects.services import channels
from projects.services.channels import BadRule, ChannelFields, NameTaken, NeedsDefault
from tenants.api import TagNames

SPACE_PATHS["projects.Channel"] = "project__space"

errors.refuse(BadRule, NeedsDefault)
errors.refuse(NameTaken, words=lambda error: [f"Name: {error}"])


class ActionPackage(Body):
    DeploymentAction = Text(source="step", required=True, allow_blank=False, max_length=200)
    PackageReference = Text(source="name", max_length=100, trim_whitespace=True)


class RuleBody(Body):
    """`VersionRange` is written as NuGet's are, `Tag` is a regular expression for the pre-release."""

    Id = serializers.CharField(required=False, allow_blank=True, max_length=100)
    VersionRange = Text(source="version_range", max_length=LONGEST_RANGE, trim_whitespace=True)
    Tag = Text(source="tag", max_length=LONGEST_TAG, trim_whitespace=True)
    ActionPackages = ActionPackage(source="packages", many=True, required=False, default=list)


class RulesField(serializers.ListField):
    child = RuleBody()

    def to_representation(self, data: Any) -> list[dict[str, Any]]:
        return [
            {
                "Id": f"Rules-{number}",
                "VersionRange": rule.version_range,
                "Tag": rule.tag,
                "ActionPackages": [
                    {"DeploymentAction": one.step, "PackageReference": one.name} for one in rule.packages
                ],
            }
            for number, rule in enumerate(rules_of(data), start=1)
        ]


class ChannelResource(InSpace):
    kind = IdKind.CHANNEL
    path = "channels"

    Id = IdField(IdKind.CHANNEL, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="project.space_id")
    ProjectId = Ref(IdKind.PROJECT, Project, source="project", required=False)
    Name = Text(source="name", required=True, allow_blank=False, max_length=120, trim_whitespace=True)
    Slug = Text(source="slug", read_only=True)
    Description = Text(source="description", max_length=2000)
    LifecycleId = Ref(IdKind.LIFECYCLE, Lifecycle, source="lifecycle", required=False, allow_null=True)
    IsDefault = serializers.BooleanField(source="is_default", default=False)
    Rules = RulesField(source="rules", required=False, max_length=MOST_RULES)
    TenantTags = TagNames(source="tags", required=False)
    Type = Always("Lifecycle")
    LastModifiedOn = Moment(source="updated_at", read_only=True)
    Links = LinksField()

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        project = f"{own.rpartition('/channels/')[0]}/projects/{ids.encode(IdKind.PROJECT, row.project_id)}"
        web = f"/projects/{row.project.slug}/channels/{row.slug}/"
        return {"Self": own, "Project": project, "Releases": f"{own}/releases", "Web": web}


class ProjectChannelResource(ChannelResource):
    """The address says the project."""

    ProjectId = IdField(IdKind.PROJECT, source="project_id")  # type: ignore[assignment]  # read only here


class ChannelsView(ResourceView):
    model = Channel
    kind = IdKind.CHANNEL
    item_type = "Channel"
    serializer_class = ChannelResource
    queryset = Channel.objects.none()
    edit = Permission.EDIT_PROJECT

    def rows(self) -> Any:
        rows = super().rows().select_related("project__space", "lifecycle")
        return rows.prefetch_related("tags__tag_set")

    def refuse_taken_name(self, data: dict[str, Any], *, but: Any = None) -> None:
        """The service does, among the channels of the project."""

    def make(self, data: dict[str, Any]) -> Channel:
        project = data.get("project")
        if project is None:
            raise ValidationError({"ProjectId": "This field is required."})
        return channels.create(project=project, fields=_fields(data), user=self.user)

    def change(self, row: Channel, data: dict[str, Any]) -> None:
        channels.edit(row, _fields(data, row=row), user=self.user)

    def remove(self, row: Channel) -> None:
        channels.delete(row, user=self.user)


def _fields(data: dict[str, Any], *, row: Channel | None = None) -> ChannelFields:
    """What the body leaves out stays as it is."""
    names = ("name", "description", "lifecycle", "is_default")
    given = {name: data[name] for name in names if name in data}
    if "tags" in data:
        given["tags"] = tuple(data["tags"])
    if "rules" in data:
        given["rules"] = tuple(_rule(rule) for rule in data["rules"])
    return ChannelFields(**{**(_values(row) if row else {}), **given})


def _rule(rule: dict[str, Any]) -> ChannelRule:
    packages = dict.fromkeys(RulePackage(one["step"], one["name"]) for one in rule["packages"])
    return ChannelRule(rule["version_range"], rule["tag"], tuple(packages))


def _values(row: Channel) -> dict[str, Any]:
    return {
        "name": row.name,
        "description": row.description,
        "lifecycle": row.lifecycle,
        "is_default": row.is_default,
        "tags": tuple(row.tags.all()),
        "rules": rules_of(row.rules),
    }


class ProjectChannelsView(InProject, ChannelsView):
    """Below its project a channel needs no `ProjectId`."""

    serializer_class = ProjectChannelResource
    tag = "projects"

    def listed(self) -> Any:
        return self.narrowed(self.rows().filter(project=self.project_of(self.kwargs["project"])))

    def found(self, ref: str) -> Any:
        rows = self.rows().filter(project=self.project_of(self.kwargs["project"]))
        if ids.is_id(IdKind.CHANNEL, ref):
            return rows.filter(pk=ids.decode(IdKind.CHANNEL, ref)).first()
        return self.by_name(rows, ref)

    def make(self, data: dict[str, Any]) -> Channel:
        return super().make({**data, "project": self.project_of(self.kwargs["project"])})


class ChannelReleasesView(ReleasesView):
    tag = "channels"

    def listed(self) -> Any:
        found = ChannelsView(request=self.request, kwargs=self.kwargs)
        found.query = self.query
        return self.narrowed(self.rows().filter(channel=found.object(self.kwargs["channel"])))


ROUTES = [
    *routes(ChannelsView, "channels"),
    path("channels/<str:channel>/releases", ChannelReleasesView.as_view({"get": "list"})),
    *routes(ProjectChannelsView, "projects/<str:project>/channels"),
]
