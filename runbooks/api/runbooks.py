"""Runbooks, their processes and their snapshots."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.resources import InSpace, NamedResource, ResourceView, kept, numbers, routes
from accounts.api.views import SPACE_PATHS, ApiView
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import (
    STRING,
    STRING_OR_NULL,
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
from environments.api import FOREVER
from processes import api as wire
from processes.models import OwnerKind, Process
from processes.services import processes
from projects.api import selected_packages
from projects.api.projects import InProject
from projects.api.selected_packages import SelectedPackages
from projects.models import Project
from projects.package_versions import choices_of
from runbooks.models import Runbook, RunbookSnapshot
from runbooks.services import runbooks, snapshots
from runbooks.services.snapshots import SnapshotNameTaken
from tasks.models import GuidedFailure

SPACE_PATHS["runbooks.Runbook"] = "project__space"
SPACE_PATHS["runbooks.RunbookSnapshot"] = "runbook__project__space"

errors.refuse(SnapshotNameTaken)


def _published(runbook: Runbook) -> str | None:
    return ids.encode(IdKind.RUNBOOK_SNAPSHOT, runbook.published_id) if runbook.published_id else None


class RunbookResource(NamedResource):
    kind = IdKind.RUNBOOK
    path = "runbooks"

    SpaceId = IdField(IdKind.SPACE, source="project.space_id")
    ProjectId = Ref(IdKind.PROJECT, Project, source="project")
    RunbookProcessId = Computed(lambda row: ids.derived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, row.pk), STRING)
    PublishedRunbookSnapshotId = Computed(_published, STRING_OR_NULL)
    MultiTenancyMode = Computed(lambda row: row.project.tenanted_mode, STRING)
    EnvironmentScope = Always("All")
    Environments = Always([])
    ConnectivityPolicy = Always(
        {
            "AllowDeploymentsToNoTargets": True,
            "SkipMachineBehavior": "None",
            "TargetRoles": [],
            "ExcludeUnhealthyTargets": False,
        }
    )
    DefaultGuidedFailureMode = serializers.ChoiceField(
        GuidedFailure.choices, source="guided_failure", default=GuidedFailure.ENVIRONMENT
    )
    RunRetentionPolicy = Always(FOREVER)
    ForcePackageDownload = Always(False)
    FailTargetDiscovery = Always(False)
    CancelQueuedTasks = Always(False)
    CancelRunningTasks = Always(False)
    RunbookTags = Always([])

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        project = f"{own.rpartition('/runbooks/')[0]}/projects/{ids.encode(IdKind.PROJECT, row.project_id)}"
        process = ids.derived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, row.pk)
        return {
            "Self": own,
            "Project": project,
            "RunbookProcesses": f"{project}/runbookProcesses/{process}",
            "RunbookSnapshots": f"{own}/runbookSnapshots",
            "RunbookSnapshotTemplate": f"{own}/runbookSnapshotTemplate",
            "CreateRunbookRun": "/api/runbookRuns",
            "Web": f"/projects/{row.project.slug}/runbooks/{row.slug}/",
        }


class RunbooksView(ResourceView):
    model = Runbook
    kind = IdKind.RUNBOOK
    item_type = "Runbook"
    serializer_class = RunbookResource
    queryset = Runbook.objects.none()
    edit = Permission.EDIT_PROJECT

    def rows(self) -> Any:
        return super().rows().select_related("project__space")

    def siblings(self) -> Any:
        """The service knows: a name is unique within its project."""
        return Runbook.objects.none()

    def make(self, data: dict[str, Any]) -> Runbook:
        guided = data.pop("guided_failure")
        with transaction.atomic():
            runbook = runbooks.create(user=self.user, **data)
            runbooks.configure_runs(runbook, values={"guided_failure": guided}, user=self.user)
        return runbook

    def change(self, row: Runbook, data: dict[str, Any]) -> None:
        with transaction.atomic():
            runbooks.edit(row, user=self.user, **kept(row, data, "name", "description"))
            runbooks.configure_runs(row, values=kept(row, data, "guided_failure"), user=self.user)

    def remove(self, row: Runbook) -> None:
        runbooks.delete(row, user=self.user)

    @extend_schema(responses={"type": "object", "additionalProperties": {}})
    def template(self, request: Request, ref: str) -> Response:
        """What a new snapshot would be called, and what has to be chosen for it."""
        runbook = self.object(ref)
        latest = RunbookSnapshot.objects.filter(runbook=runbook).values_list("number", flat=True).first()
        return Response(
            {
                "NextNameIncrement": f"Snapshot {(latest or 0) + 1}",
                "Packages": selected_packages.template(
                    choices_of(runbook.project.space, snapshots.freeze_draft(runbook).process)
                ),
                "GitResources": [],
                "RunbookId": ids.encode(IdKind.RUNBOOK, runbook.pk),
                "RunbookProcessId": ids.derived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, runbook.pk),
            }
        )


class ProjectRunbooksView(InProject, RunbooksView):
    """Below its project a runbook is also found by slug or name, and made without `ProjectId`."""

    tag = "runbooks"

    def listed(self) -> Any:
        return self.narrowed(self.rows().filter(project=self.project_of(self.kwargs["project"])))

    def found(self, ref: str) -> Any:
        rows = self.rows().filter(project=self.project_of(self.kwargs["project"]))
        if ids.is_id(IdKind.RUNBOOK, ref):
            return rows.filter(pk=ids.decode(IdKind.RUNBOOK, ref)).first()
        return self.by_name(rows, ref)

    def body(self, serializer: type[Any], **kwargs: Any) -> dict[str, Any]:
        project = self.project_of(self.kwargs["project"])
        read = serializer(data=self.request.data, context=self.get_serializer_context(), **kwargs)
        read.fields["ProjectId"].required = False
        read.is_valid(raise_exception=True)
        return {**read.validated_data, "project": project}


def process_json(runbook: Runbook, process: Process) -> dict[str, Any]:
    space_id = ids.encode(IdKind.SPACE, runbook.project.space_id)
    project_id = ids.encode(IdKind.PROJECT, runbook.project_id)
    own = ids.derived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, runbook.pk)
    project = f"/api/{space_id}/projects/{project_id}"
    return {
        "Id": own,
        "SpaceId": space_id,
        "ProjectId": project_id,
        "RunbookId": ids.encode(IdKind.RUNBOOK, runbook.pk),
        "Steps": wire.steps_of(process),
        "Version": process.version,
        "LastSnapshotId": _published(runbook),
        "Links": {
            "Self": f"{project}/runbookProcesses/{own}",
            "Project": project,
            "Runbook": f"/api/{space_id}/runbooks/{ids.encode(IdKind.RUNBOOK, runbook.pk)}",
        },
    }


class RunbookProcessesView(InProject, ViewSetMixin, ApiView):
    tag = "runbookProcesses"

    def _runbook(self, ref: str) -> Runbook:
        try:
            number = ids.underived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, ref)
        except ids.BadId as error:
            raise Http404(f"The runbook process {ref[:80]!r} was not found.") from error
        rows = Runbook.objects.visible_to(self.user).select_related("project__space")
        if "project" in self.kwargs:
            rows = rows.filter(project=self.project_of(self.kwargs["project"]))
        elif self.names_space:
            rows = rows.filter(project__space=self.space)
        found = rows.filter(pk=number).first()
        if found is None:
            raise Http404(f"The runbook process {ref[:80]!r} was not found.")
        self.space = found.project.space
        runbook: Runbook = found
        return runbook

    def _process(self, runbook: Runbook) -> Process:
        return processes.get_or_create(
            owner_kind=OwnerKind.RUNBOOK, owner_id=runbook.pk, space=runbook.project.space
        )

    @extend_schema(responses=wire.PROCESS_SCHEMA)
    def retrieve(self, request: Request, ref: str, project: str = "") -> Response:
        runbook = self._runbook(ref)
        return Response(process_json(runbook, self._process(runbook)))

    @extend_schema(request=wire.ProcessBody, responses=wire.PROCESS_SCHEMA, examples=[wire.EXAMPLE])
    def update(self, request: Request, ref: str, project: str = "") -> Response:
        """Replaces all steps. `Version` must be that of the process as it is."""
        runbook = self._runbook(ref)
        self.require(Permission.EDIT_PROJECT, runbook)
        process = self._process(runbook)
        wire.save(process, self.body(wire.ProcessBody), user=self.user)
        return Response(process_json(runbook, process))


class SnapshotResource(InSpace):
    kind = IdKind.RUNBOOK_SNAPSHOT
    path = "runbookSnapshots"

    Id = IdField(IdKind.RUNBOOK_SNAPSHOT, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="runbook.project.space_id")
    Name = Text(source="name", max_length=200, trim_whitespace=True)
    Notes = Text(source="notes")
    ProjectId = IdField(IdKind.PROJECT, source="runbook.project_id")
    RunbookId = Ref(IdKind.RUNBOOK, Runbook, source="runbook")
    Publish = serializers.CharField(write_only=True, required=False, allow_blank=True, allow_null=True)
    FrozenRunbookProcessId = Computed(
        lambda row: _frozen(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, row.runbook_id, row.pk), STRING
    )
    FrozenProjectVariableSetId = Computed(
        lambda row: _frozen(ids.VARIABLE_SET, IdKind.PROJECT, row.runbook.project_id, row.pk), STRING
    )
    ProjectVariableSetSnapshotId = Computed(
        lambda row: _frozen(ids.VARIABLE_SET, IdKind.PROJECT, row.runbook.project_id, row.pk), STRING
    )
    LibraryVariableSetSnapshotIds = Always([])
    SelectedPackages = SelectedPackages(required=False)
    SelectedGitResources = Always([])
    GitReference = Always(None)
    Assembled = Moment(source="created_at", read_only=True)
    Links = LinksField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {**super().to_representation(instance), "Name": str(instance)}

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        space = own.rpartition("/runbookSnapshots/")[0]
        return {
            "Self": own,
            "Project": f"{space}/projects/{ids.encode(IdKind.PROJECT, row.runbook.project_id)}",
            "Runbook": f"{space}/runbooks/{ids.encode(IdKind.RUNBOOK, row.runbook_id)}",
        }


def _frozen(word: str, kind: IdKind, owner: int, number: int) -> str:
    return ids.frozen(ids.derived(word, kind, owner), number, f"{number:05x}")


class SnapshotsView(ResourceView):
    model = RunbookSnapshot
    kind = IdKind.RUNBOOK_SNAPSHOT
    item_type = "RunbookSnapshot"
    serializer_class = SnapshotResource
    queryset = RunbookSnapshot.objects.none()
    edit = Permission.EDIT_PROJECT

    def rows(self) -> Any:
        return super().rows().select_related("runbook__project__space").defer("process", "variables")

    def siblings(self) -> Any:
        return RunbookSnapshot.objects.none()

    def make(self, data: dict[str, Any]) -> RunbookSnapshot:
        """Freezes the process and the variables as they are. `Publish`, or `?publish=true`, makes it the one
        that is run from then on."""
        is_published = bool((data.get("Publish") or "").strip()) or bool(self.query.flag("publish"))
        runbook = data["runbook"]
        process = snapshots.freeze_draft(runbook).process
        packages = selected_packages.wanted(process, data.get("packages", []))
        with transaction.atomic():
            snapshot = snapshots.take(
                runbook=runbook, name=data["name"], notes=data["notes"], packages=packages, user=self.user
            )
            if is_published:
                snapshots.make_published(snapshot, user=self.user)
        return snapshot


class ProjectSnapshotsView(InProject, SnapshotsView):
    tag = "runbookSnapshots"

    def listed(self) -> Any:
        project = self.project_of(self.kwargs["project"])
        return self.narrowed(self.rows().filter(runbook__project=project))

    def create(self, request: Request, **kwargs: Any) -> Response:
        self.project_of(kwargs["project"])
        return super().create(request, **kwargs)


class RunbookSnapshotsView(SnapshotsView):
    """The snapshots of one runbook."""

    tag = "runbooks"

    def listed(self) -> Any:
        rows = Runbook.objects.visible_to(self.user)
        if self.names_space:
            rows = rows.filter(project__space=self.space)
        found = rows.filter(pk__in=numbers(IdKind.RUNBOOK, [self.kwargs["ref"]])).first()
        if found is None:
            raise Http404(f"The runbook {self.kwargs['ref'][:80]!r} was not found.")
        return self.narrowed(self.rows().filter(runbook=found))


_PROCESS: Any = {"get": "retrieve", "put": "update"}
_ONE: Any = {"get": "retrieve", "put": "update", "delete": "destroy"}

ROUTES = [
    *routes(RunbooksView, "runbooks"),
    path("runbooks/<str:ref>/runbookSnapshots", RunbookSnapshotsView.as_view({"get": "list"})),
    path("runbooks/<str:ref>/runbookSnapshotTemplate", RunbooksView.as_view({"get": "template"})),
    path("projects/<str:project>/runbooks", ProjectRunbooksView.as_view({"get": "list", "post": "create"})),
    path("projects/<str:project>/runbooks/<str:ref>", ProjectRunbooksView.as_view(_ONE)),
    path("runbookProcesses/<str:ref>", RunbookProcessesView.as_view(_PROCESS)),
    path("projects/<str:project>/runbookProcesses/<str:ref>", RunbookProcessesView.as_view(_PROCESS)),
    *routes(SnapshotsView, "runbookSnapshots"),
    path(
        "projects/<str:project>/runbookSnapshots",
        ProjectSnapshotsView.as_view({"get": "list", "post": "create"}),
    ),
]
