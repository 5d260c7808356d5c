"""Releases and deployments: made by ids as people's scripts do, or by names as pipelines do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models.fields.json import KeyTransform
from django.http import Http404
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.api.resources import InSpace, ResourceView, any_of, numbers, routes
from accounts.api.views import SPACE_PATHS
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import (
    ANY_OBJECT,
    STRING,
    Always,
    Computed,
    IdField,
    LinksField,
    Moment,
    Ref,
    Text,
)
from domain import ids
from domain.ids import IdKind
from domain.plan_packages import chosen_of
from environments.models import Environment
from packages import build_api
from packages.services import builds
from packages.services.choosing import NoSuchPackage
from processes.models import OwnerKind
from processes.services import processes
from projects.api import selected_packages
from projects.api.projects import InProject
from projects.api.selected_packages import SelectedPackages
from projects.api.starting import AnswersField, left_out, wishes
from projects.models import Channel, Deployment, Project, Release
from projects.services import deployments, releases
from projects.services.releases import BadVersion, EmptyProcess, VersionTaken
from tasks.api import related
from tasks.models import TaskState
from tasks.services.options import Wishes
from tenants.models import Tenant

SPACE_PATHS["projects.Release"] = "project__space"
SPACE_PATHS["projects.Deployment"] = "release__project__space"

related.register("deployment", argument="DeploymentId", kind=IdKind.DEPLOYMENT)

errors.refuse(BadVersion, EmptyProcess, NoSuchPackage, VersionTaken)

TASKS = {"type": "array", "items": {"type": "object", "additionalProperties": STRING}}


def release_process(project: Project) -> dict[str, Any]:
    """The deployment process as a release would freeze it now."""
    process = processes.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=project.space)
    return processes.freeze(process)


class ReleaseResource(InSpace):
    kind = IdKind.RELEASE
    path = "releases"

    Id = IdField(IdKind.RELEASE, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="project.space_id")
    Version = Text(source="version", required=True, allow_blank=False, max_length=100)
    ProjectId = Ref(IdKind.PROJECT, Project, source="project")
    ChannelId = Ref(IdKind.CHANNEL, Channel, source="channel", required=False, allow_null=True)
    ReleaseNotes = Text(source="notes")
    Assembled = Moment(source="created_at", read_only=True)
    ProjectDeploymentProcessSnapshotId = Computed(
        lambda row: _frozen(ids.DEPLOYMENT_PROCESS, row.project_id, row.pk), STRING
    )
    ProjectVariableSetSnapshotId = Computed(
        lambda row: _frozen(ids.VARIABLE_SET, row.project_id, row.pk), STRING
    )
    LibraryVariableSetSnapshotIds = Always([])
    SelectedPackages = SelectedPackages(required=False)
    SelectedGitResources = Always([])
    BuildInformation = serializers.SerializerMethodField()
    IgnoreChannelRules = serializers.BooleanField(source="ignores_rules", default=False)
    CustomFields = Always({})
    VersionControlReference = Always(None)
    Links = LinksField()

    @extend_schema_field({"type": "array", "items": ANY_OBJECT})
    def get_BuildInformation(self, row: Release) -> list[Any]:  # noqa: N802  # DRF's name
        versions = _versions(row)
        known = self.context.get("builds")
        found = builds.find_all(row.project.space, versions) if known is None else known
        keys = dict.fromkeys((package_id.lower(), version.lower()) for package_id, version in versions)
        return [build_api.shown(found[key]) for key in keys if key in found]

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        space = own.rpartition("/releases/")[0]
        return {
            "Self": own,
            "Project": f"{space}/projects/{ids.encode(IdKind.PROJECT, row.project_id)}",
            "Channel": f"{space}/channels/{ids.encode(IdKind.CHANNEL, row.channel_id)}",
            "Deployments": f"{own}/deployments",
            "Web": f"/projects/{row.project.slug}/releases/{row.version}/",
        }


def _versions(release: Release) -> list[tuple[str, str]]:
    return [(one.package_id, one.version) for one in chosen_of(release.packages)]


def _frozen(word: str, project_id: int, number: int) -> str:
    return ids.frozen(ids.derived(word, IdKind.PROJECT, project_id), number, f"{number:05x}")


class ReleasesView(ResourceView):
    model = Release
    kind = IdKind.RELEASE
    item_type = "Release"
    serializer_class = ReleaseResource
    queryset = Release.objects.none()
    name_field = "version"
    edit = Permission.CREATE_RELEASE

    def rows(self) -> Any:
        return super().rows().select_related("project__space", "channel").defer("process", "variables")

    def window(self, rows: Any, skip: int, take: int) -> Sequence[Any]:
        """With the build information of all of them at once."""
        found = super().window(rows, skip, take)
        self._builds = builds.find_all(self.space, [one for row in found for one in _versions(row)])
        return found

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "builds": getattr(self, "_builds", None)}

    def siblings(self) -> Any:
        return Release.objects.none()

    def make(self, data: dict[str, Any]) -> Release:
        rows, channel = data.pop("packages", []), data.get("channel")
        if channel is not None and channel.project_id != data["project"].pk:
            raise ValidationError({"ChannelId": f"{data['project']} has no channel {channel}: not found."})
        data["ignore_rules"] = data.pop("ignores_rules")
        process = release_process(data["project"])
        return releases.create(user=self.user, packages=selected_packages.wanted(process, rows), **data)

    def change(self, row: Release, data: dict[str, Any]) -> None:
        """The notes: what was frozen stays, so a body that says something else of it is refused."""
        frozen = {"version": row.version, "project": row.project, "channel": row.channel}
        for name, value in frozen.items():
            if data.get(name, value) not in (value, None):
                raise ValidationError({name.capitalize(): "A release keeps what it was made with."})
        releases.edit(row, notes=data.get("notes", row.notes), user=self.user)

    def remove(self, row: Release) -> None:
        """A 409 names its deployments."""
        releases.delete(row, user=self.user)


class ProjectReleasesView(InProject, ReleasesView):
    tag = "projects"

    def listed(self) -> Any:
        rows = self.narrowed(self.rows().filter(project=self.project_of(self.kwargs["project"])))
        part = self.query.text("searchByVersion")
        return rows.filter(version__icontains=part) if part else rows

    def found(self, ref: str) -> Any:
        """Below its project a release is also known by its version."""
        rows = self.rows().filter(project=self.project_of(self.kwargs["project"]))
        if ids.is_id(IdKind.RELEASE, ref):
            return rows.filter(pk=ids.decode(IdKind.RELEASE, ref)).first()
        return rows.filter(version__iexact=ref).first()


class SkippedActions(serializers.ListField):
    """Ids of actions, or names of steps, that are not to run; `left_out` is what the task's plan has."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=300)
        super().__init__(child=child, required=False, default=list, max_length=1000, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        return sorted(f"{IdKind.ACTION.value}-{pk}" for pk in instance.left_out or ())


#: What `SkipActions` reads, without the rest of the plan.
LEFT_OUT = KeyTransform("left_out", "task__plan")


class RunFields(InSpace):
    """What deployments and runbook runs have in common."""

    EnvironmentId = Ref(IdKind.ENVIRONMENT, Environment, source="environment")
    TenantId = Ref(IdKind.TENANT, Tenant, source="tenant", required=False, allow_null=True)
    TaskId = IdField(IdKind.TASK, source="task_id")
    Name = Text(source="task.name", read_only=True)
    Created = Moment(source="created_at", read_only=True)
    Comments = Always("")
    QueueTime = Moment(source="task.start_at", required=False)
    QueueTimeExpiry = Moment(source="task.queue_expires_at", required=False)
    FormValues = AnswersField(source="answers")
    SkipActions = SkippedActions(source="skipped")
    SpecificMachineIds = Always([])
    ExcludedMachineIds = Always([])
    UseGuidedFailure = serializers.BooleanField(source="task.guided_failure", required=False)
    ForcePackageDownload = Always(False)
    ManifestVariableSetId = Always(None)
    DeployedBy = Text(source="task.created_by_name", read_only=True)
    DeployedById = Computed(
        lambda row: ids.encode(IdKind.USER, row.task.created_by_id) if row.task.created_by_id else "", STRING
    )
    DeployedToMachineIds = Always([])
    FailureEncountered = Computed(
        lambda row: row.task.state in (TaskState.FAILED, TaskState.TIMED_OUT), {"type": "boolean"}
    )
    Links = LinksField()

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        task = f"/api/tasks/{ids.encode(IdKind.TASK, row.task_id)}"
        return {"Self": own, "Task": task, "Interruptions": f"/api/interruptions?regarding={self.id_of(row)}"}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        # Clients cannot read a start that is null.
        return {name: value for name, value in shown.items() if value is not None or name != "QueueTime"}


class DeploymentResource(RunFields):
    kind = IdKind.DEPLOYMENT
    path = "deployments"

    Id = IdField(IdKind.DEPLOYMENT, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="release.project.space_id")
    ProjectId = IdField(IdKind.PROJECT, source="release.project_id")
    ReleaseId = Ref(IdKind.RELEASE, Release, source="release")
    ChannelId = IdField(IdKind.CHANNEL, source="release.channel_id")
    DeploymentProcessId = Computed(
        lambda row: _frozen(ids.DEPLOYMENT_PROCESS, row.release.project_id, row.release_id), STRING
    )
    Changes = Always([])
    ChangesMarkdown = Always("")
    ForcePackageRedeployment = Always(False)


class RunsView(ResourceView):
    """The list of deployments or of runs, by where they went and what became of them."""

    name_field = ""
    filters = {
        "projects": "Ids, joined by commas.",
        "environments": "Ids, joined by commas.",
        "tenants": "Ids, joined by commas.",
        "taskState": "States of the task, joined by commas.",
        "partialName": "A part of the task's name.",
    }
    project_field: str
    #: The field through which a run belongs to a project, and its model.
    parent: tuple[str, Any]

    def listed(self) -> Any:
        """By the parents of the space instead of a join, which would read every run to count them."""
        field, model = self.parent
        parents = model.objects.filter(project__space=self.space).values("pk")
        return self.narrowed(self.rows().filter(**{f"{field}__in": parents}))

    def window(self, rows: Any, skip: int, take: int) -> Sequence[Any]:
        """Ids first: the newest end of an index, and nothing else."""
        wanted = tuple(rows.order_by("-pk").values_list("pk", flat=True)[skip : skip + take])
        return tuple(self.rows().filter(pk__in=wanted))

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if part := self.query.text("partialName"):
            rows = rows.filter(task__name__icontains=part)
        return rows.filter(
            any_of(self.project_field, numbers(IdKind.PROJECT, self.query.words("projects"))),
            any_of("environment", numbers(IdKind.ENVIRONMENT, self.query.words("environments"))),
            any_of("tenant", numbers(IdKind.TENANT, self.query.words("tenants"))),
            any_of("task__state", self.query.words("taskState")),
        )

    def by_name(self, rows: Any, ref: str) -> Any:
        return None


class DeploymentsView(RunsView):
    model = Deployment
    kind = IdKind.DEPLOYMENT
    item_type = "Deployment"
    serializer_class = DeploymentResource
    queryset = Deployment.objects.none()
    edit = Permission.RUN
    project_field = "release__project"
    parent = ("release", Release)

    def rows(self) -> Any:
        rows = (
            super()
            .rows()
            .select_related("release__project__space", "release__channel", "environment", "tenant", "task")
        )
        rows = rows.annotate(left_out=LEFT_OUT)
        return rows.defer("task__plan", "release__process", "release__variables")

    def narrowed(self, rows: Any) -> Any:
        channels = numbers(IdKind.CHANNEL, self.query.words("channels"))
        return super().narrowed(rows).filter(any_of("release__channel", channels))

    def make(self, data: dict[str, Any]) -> Deployment:
        [task] = deployments.deploy(
            release=data["release"],
            environments=[data["environment"]],
            tenants=[data["tenant"]] if data.get("tenant") else [],
            user=self.user,
            now=timezone.now(),
            wishes=wishes_of_row(data, data["release"].process),
        )
        return Deployment.objects.get(task=task)


def wishes_of_row(data: dict[str, Any], process: Mapping[str, Any]) -> Wishes:
    """From the body of a run that is posted as a resource; `process` is the frozen one that it runs."""
    task = data.get("task", {})
    wished = wishes(
        {
            "start_at": task.get("start_at"),
            "expires": task.get("queue_expires_at"),
            "priority": "",
            "guided_failure": task.get("guided_failure"),
            "variables": data.get("answers", {}),
        }
    )
    skipped = left_out(process, data.get("skipped", ()), member="SkipActions")
    return replace(wished, left_out=skipped)


class ReleaseDeploymentsView(DeploymentsView):
    tag = "releases"

    def listed(self) -> Any:
        releases_found = Release.objects.visible_to(self.user)
        if self.names_space:
            releases_found = releases_found.filter(project__space=self.space)
        wanted = numbers(IdKind.RELEASE, [self.kwargs["release"]])
        found = releases_found.filter(pk__in=wanted).first()
        if found is None:
            raise Http404(f"The release {self.kwargs['release'][:80]!r} was not found.")
        return self.narrowed(self.rows().filter(release=found))


ROUTES = [
    *routes(ReleasesView, "releases", everything=False),
    path("releases/<str:release>/deployments", ReleaseDeploymentsView.as_view({"get": "list"})),
    path("projects/<str:project>/releases", ProjectReleasesView.as_view({"get": "list"})),
    path("projects/<str:project>/releases/<str:ref>", ProjectReleasesView.as_view({"get": "retrieve"})),
    *routes(DeploymentsView, "deployments", everything=False),
]
