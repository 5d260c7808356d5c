"""Releases and deployments by names, as pipelines make them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api.serializers import STRING, Body, Text, find
from domain import ids
from domain.ids import IdKind
from projects.api import selected_packages
from projects.api.releases import TASKS, release_process
from projects.api.starting import (
    PREVIEW,
    StartBody,
    environments_named,
    left_out,
    previews,
    project_named,
    tenants_named,
    wishes,
)
from projects.models import Channel, Deployment, Project, Release
from projects.places import places_for
from projects.services import deployments, releases
from tasks.models import ServerTask


class CreateReleaseBody(Body):
    ProjectName = Text(source="project", required=True, allow_blank=False, max_length=200)
    ReleaseVersion = Text(source="version", max_length=100, trim_whitespace=True)
    ReleaseNotes = Text(source="notes")
    ChannelName = Text(source="channel", max_length=200)
    GitRef = Text(source="git_ref", max_length=300)
    GitCommit = Text(source="git_commit", max_length=300)
    PackageVersion = Text(source="package_version", max_length=200)
    Packages = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, default=list, source="packages"
    )
    IgnoreIfAlreadyExists = serializers.BooleanField(source="ignore_existing", default=False)
    IgnoreChannelRules = serializers.BooleanField(source="ignore_rules", default=False)

    def validate(self, attrs: Any) -> Any:
        if attrs["git_ref"] or attrs["git_commit"]:
            raise ValidationError("Projects are kept in the database here, not in Git.")
        return attrs


RELEASE_EXAMPLE = OpenApiExample(
    "A version", {"ProjectName": "Orders database", "ReleaseVersion": "1.1.0"}, request_only=True
)
DEPLOY_EXAMPLE = OpenApiExample(
    "To one environment",
    {"ProjectName": "Orders database", "ReleaseVersion": "1.1.0", "EnvironmentNames": ["Development"]},
    request_only=True,
)
TENANTED_EXAMPLE = OpenApiExample(
    "For the tenants with a tag",
    {
        "ProjectName": "Orders database",
        "ReleaseVersion": "1.1.0",
        "EnvironmentName": "Production",
        "TenantTags": ["Region/EU"],
    },
    request_only=True,
)


class CreateReleaseView(ApiView):
    @extend_schema(
        request=CreateReleaseBody,
        responses={"201": {"type": "object", "properties": {"ReleaseId": STRING, "ReleaseVersion": STRING}}},
        tags=["releases"],
        examples=[RELEASE_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """By names. No version means the next one."""
        data = self.body(CreateReleaseBody)
        project = project_named(self, data["project"])
        self.require(Permission.CREATE_RELEASE, project)
        version = data["version"] or releases.suggest_version(project)
        release = Release.objects.filter(project=project, version=version).first()
        if release is None or not data["ignore_existing"]:
            packages = selected_packages.from_words(
                release_process(project), data["packages"], default=data["package_version"]
            )
            release = releases.create(
                project=project,
                version=version,
                notes=data["notes"],
                packages=packages,
                channel=self._channel(project, data["channel"]),
                ignore_rules=data["ignore_rules"],
                user=self.user,
            )
        answer = {"ReleaseId": ids.encode(IdKind.RELEASE, release.pk), "ReleaseVersion": release.version}
        return Response(answer, status=201)

    def _channel(self, project: Project, name: str) -> Channel | None:
        """None for the default one."""
        if not name:
            return None
        found: Channel | None = find(Channel.objects.filter(project=project), IdKind.CHANNEL, name)
        if found is None:
            raise ValidationError({"ChannelName": f"{project.name} has no channel {name[:80]!r}: not found."})
        return found


def _environment_names(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=1000, source="environments", **kwargs
    )


class DeployBody(StartBody):
    ReleaseVersion = Text(source="version", required=True, allow_blank=False, max_length=100)
    ForcePackageRedeployment = serializers.BooleanField(source="force", default=False)
    UpdateVariableSnapshot = serializers.BooleanField(source="update_variables", default=False)

    def validate(self, attrs: Any) -> Any:
        if attrs["update_variables"]:
            raise ValidationError("UpdateVariableSnapshot: create a new release to deploy changed variables.")
        return super().validate(attrs)


class UntenantedBody(DeployBody):
    EnvironmentNames = _environment_names()


class TenantedBody(DeployBody):
    EnvironmentName = Text(source="environment", required=True, allow_blank=False, max_length=300)


STARTED = {"type": "object", "properties": {"DeploymentServerTasks": TASKS}}


class DeployView(ApiView):
    tag = "deployments"

    def deploy(self, data: dict[str, Any], names: list[str]) -> Response:
        project = project_named(self, data["project"])
        self.require(Permission.RUN, project)
        release = self._release(project, data["version"])
        environments = environments_named(self, names)
        tenants = tenants_named(self, project, data["tenants"], data["tags"], environments)
        tasks = deployments.deploy(
            release=release,
            environments=environments,
            tenants=tenants,
            user=self.user,
            now=timezone.now(),
            wishes=replace(wishes(data), left_out=left_out(release.process, data["skipped"])),
        )
        return Response({"DeploymentServerTasks": _started(tasks)})

    def _release(self, project: Project, version: str) -> Release:
        rows = Release.objects.filter(project=project).select_related("project__space", "channel")
        number = ids.decode(IdKind.RELEASE, version) if ids.is_id(IdKind.RELEASE, version) else 0
        found = rows.filter(pk=number).first() or rows.filter(version__iexact=version).first()
        if found is None:
            raise ValidationError({"ReleaseVersion": f"{project.name} has no release {version[:80]}."})
        return found


class UntenantedView(DeployView):
    @extend_schema(request=UntenantedBody, responses=STARTED, examples=[DEPLOY_EXAMPLE])
    def post(self, request: Request) -> Response:
        """By names: one task per environment."""
        data = self.body(UntenantedBody)
        return self.deploy(data, data["environments"])


class PreviewView(DeployView):
    @extend_schema(request=UntenantedBody, responses=PREVIEW, examples=[DEPLOY_EXAMPLE])
    def post(self, request: Request) -> Response:
        """The plan of each task that the same body would start: nothing is started."""
        data = self.body(UntenantedBody)
        project = project_named(self, data["project"])
        release = self._release(project, data["version"])
        environments = environments_named(self, data["environments"])
        tenants = tenants_named(self, project, data["tenants"], data["tags"], environments)
        places = places_for(project, environments=environments, tenants=tenants)
        return Response(previews(deployments.runnable(release), places, data, user=request.user))


class TenantedView(DeployView):
    @extend_schema(request=TenantedBody, responses=STARTED, examples=[TENANTED_EXAMPLE])
    def post(self, request: Request) -> Response:
        """By names: one task per tenant, of those that are named and those with the tags."""
        data = self.body(TenantedBody)
        if not data["tenants"] and not data["tags"]:
            raise ValidationError({"Tenants": "Name tenants or tenant tags."})
        return self.deploy(data, [data["environment"]])


def _started(tasks: list[ServerTask]) -> list[dict[str, str]]:
    rows = Deployment.objects.filter(task__in=tasks).order_by("pk")
    return [
        {
            "DeploymentId": ids.encode(IdKind.DEPLOYMENT, row.pk),
            "ServerTaskId": ids.encode(IdKind.TASK, row.task_id),
        }
        for row in rows
    ]


ROUTES = [
    path("releases/create/v1", CreateReleaseView.as_view()),
    path("deployments/create/untenanted/v1", UntenantedView.as_view()),
    path("deployments/create/tenanted/v1", TenantedView.as_view()),
    path("deployments/preview/v1", PreviewView.as_view()),
]
