"""Runs of runbooks: made by ids, or by names as pipelines do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import any_of, numbers, routes
from accounts.api.views import SPACE_PATHS, ApiView
from accounts.permissions import Permission
from common.api.serializers import STRING_OR_NULL, Computed, IdField, Ref, Text, find
from domain import ids
from domain.ids import IdKind
from projects.api.releases import LEFT_OUT, TASKS, RunFields, RunsView, wishes_of_row
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
from projects.models import Project
from projects.places import places_for
from runbooks.models import Runbook, RunbookRun, RunbookSnapshot
from runbooks.services import runs
from tasks.api import related
from tasks.models import ServerTask

SPACE_PATHS["runbooks.RunbookRun"] = "runbook__project__space"
related.register("runbook_run", argument="RunbookRunId", kind=IdKind.RUNBOOK_RUN)

NOTHING_PUBLISHED = "Nothing of this runbook is published. Publish a snapshot first, or name one."


def _frozen_process(row: RunbookRun) -> str | None:
    if row.snapshot_id is None:
        return None
    base = ids.derived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, row.runbook_id)
    return ids.frozen(base, row.snapshot_id, f"{row.snapshot_id:05x}")


class RunResource(RunFields):
    """A run of the draft has no snapshot."""

    kind = IdKind.RUNBOOK_RUN
    path = "runbookRuns"

    Id = IdField(IdKind.RUNBOOK_RUN, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="runbook.project.space_id")
    ProjectId = IdField(IdKind.PROJECT, source="runbook.project_id")
    RunbookId = Ref(IdKind.RUNBOOK, Runbook, source="runbook")
    RunbookName = Text(source="runbook.name", read_only=True)
    RunbookSnapshotId = Ref(
        IdKind.RUNBOOK_SNAPSHOT, RunbookSnapshot, source="snapshot", required=False, allow_null=True
    )
    FrozenRunbookProcessId = Computed(_frozen_process, STRING_OR_NULL)

    def links(self, row: Any) -> dict[str, str]:
        found = super().links(row)
        space = found["Self"].rpartition("/runbookRuns/")[0]
        found["Runbook"] = f"{space}/runbooks/{ids.encode(IdKind.RUNBOOK, row.runbook_id)}"
        if row.snapshot_id:
            snapshot = ids.encode(IdKind.RUNBOOK_SNAPSHOT, row.snapshot_id)
            found["RunbookSnapshot"] = f"{space}/runbookSnapshots/{snapshot}"
        return found


class RunbookRunsView(RunsView):
    model = RunbookRun
    kind = IdKind.RUNBOOK_RUN
    item_type = "RunbookRun"
    serializer_class = RunResource
    queryset = RunbookRun.objects.none()
    edit = Permission.RUN
    project_field = "runbook__project"
    parent = ("runbook", Runbook)
    filters = {**RunsView.filters, "runbooks": "Ids, joined by commas."}

    def rows(self) -> Any:
        rows = super().rows().select_related("runbook__project__space", "environment", "tenant", "task")
        rows = rows.select_related("snapshot").annotate(left_out=LEFT_OUT)
        return rows.defer("task__plan", "snapshot__process", "snapshot__variables")

    def narrowed(self, rows: Any) -> Any:
        wanted = numbers(IdKind.RUNBOOK, self.query.words("runbooks"))
        return super().narrowed(rows).filter(any_of("runbook", wanted))

    def make(self, data: dict[str, Any]) -> RunbookRun:
        runbook = data["runbook"]
        snapshot = data.get("snapshot") or runbook.published
        if snapshot is None or snapshot.runbook_id != runbook.pk:
            raise ValidationError({"RunbookSnapshotId": NOTHING_PUBLISHED})
        [task] = runs.run(
            runbook=runbook,
            snapshot=snapshot,
            environments=[data["environment"]],
            tenants=[data["tenant"]] if data.get("tenant") else [],
            user=self.user,
            now=timezone.now(),
            wishes=wishes_of_row(data, snapshot.process),
        )
        return RunbookRun.objects.get(task=task)


RUN_EXAMPLE = OpenApiExample(
    "In two environments",
    {
        "ProjectName": "Orders database",
        "RunbookName": "Back up and migrate",
        "EnvironmentNames": ["Development", "Test"],
    },
    request_only=True,
)
RUN_ANSWER = OpenApiExample(
    "Two tasks",
    {
        "RunbookRunServerTasks": [
            {"RunbookRunId": "RunbookRuns-1", "ServerTaskId": "ServerTasks-1"},
            {"RunbookRunId": "RunbookRuns-2", "ServerTaskId": "ServerTasks-2"},
        ]
    },
    response_only=True,
)


class RunBody(StartBody):
    RunbookName = Text(source="runbook", required=True, allow_blank=False, max_length=200)
    EnvironmentNames = serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=1000, source="environments"
    )
    Snapshot = Text(source="snapshot", max_length=200)


class GitRunBody(RunBody):
    GitRef = Text(source="git_ref", max_length=300)

    def validate(self, attrs: Any) -> Any:
        if attrs["git_ref"]:
            raise ValidationError({"GitRef": "Runbooks are kept in the database here, not in Git."})
        return super().validate(attrs)


STARTED = {"type": "object", "properties": {"RunbookRunServerTasks": TASKS}}


class RunView(ApiView):
    @extend_schema(
        request=RunBody,
        responses={"200": STARTED},
        tags=["runbookRuns"],
        examples=[RUN_EXAMPLE, RUN_ANSWER],
    )
    def post(self, request: Request) -> Response:
        """By names: one task per environment and tenant. No snapshot means the published one."""
        data = self.body(RunBody)
        project = project_named(self, data["project"])
        self.require(Permission.RUN, project)
        runbook = self._runbook(project, data["runbook"])
        environments = environments_named(self, data["environments"])
        tenants = tenants_named(self, project, data["tenants"], data["tags"], environments)
        snapshot = self._snapshot(runbook, data["snapshot"])
        tasks = runs.run(
            runbook=runbook,
            snapshot=snapshot,
            environments=environments,
            tenants=tenants,
            user=self.user,
            now=timezone.now(),
            wishes=replace(wishes(data), left_out=left_out(snapshot.process, data["skipped"])),
        )
        return Response({"RunbookRunServerTasks": _started(tasks)})

    def _runbook(self, project: Project, name: str) -> Runbook:
        rows = Runbook.objects.filter(project=project).select_related("project__space", "published")
        found: Runbook | None = find(rows, IdKind.RUNBOOK, name)
        if found is None:
            raise ValidationError({"RunbookName": f"{project.name} has no runbook {name[:80]!r}: not found."})
        return found

    def _snapshot(self, runbook: Runbook, name: str) -> RunbookSnapshot:
        found = _named(runbook, name) if name else runbook.published
        if found is None:
            words = f"{runbook.name} has no snapshot {name[:80]}: not found." if name else NOTHING_PUBLISHED
            raise ValidationError({"Snapshot": words})
        return found


class GitRunView(RunView):
    @extend_schema(request=GitRunBody, responses=STARTED, tags=["runbookRuns"])
    def post(self, request: Request) -> Response:
        """The same as runbook-runs/create/v1 for clients that ask here first. Runbooks are kept in the
        database, so a Git reference is refused."""
        self.body(GitRunBody)
        return super().post(request)


class PreviewView(RunView):
    @extend_schema(request=RunBody, responses=PREVIEW, tags=["runbookRuns"], examples=[RUN_EXAMPLE])
    def post(self, request: Request) -> Response:
        """The plan of each task that the same body would start: nothing is started."""
        data = self.body(RunBody)
        project = project_named(self, data["project"])
        runbook = self._runbook(project, data["runbook"])
        environments = environments_named(self, data["environments"])
        tenants = tenants_named(self, project, data["tenants"], data["tags"], environments)
        places = places_for(project, environments=environments, tenants=tenants)
        runnable = runs.runnable(runbook, self._snapshot(runbook, data["snapshot"]))
        return Response(previews(runnable, places, data, user=request.user))


def _named(runbook: Runbook, name: str) -> RunbookSnapshot | None:
    """By its id, its name, or for one without a name by its number."""
    rows = RunbookSnapshot.objects.filter(runbook=runbook)
    if ids.is_id(IdKind.RUNBOOK_SNAPSHOT, name):
        return rows.filter(pk=ids.decode(IdKind.RUNBOOK_SNAPSHOT, name)).first()
    number = name.casefold().removeprefix("snapshot").strip()
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    by_number = Q(name="", number=int(number)) if is_number else Q(pk=None)
    return rows.filter(Q(name__iexact=name) | by_number).first()


def _started(tasks: list[ServerTask]) -> list[dict[str, str]]:
    return [
        {
            "RunbookRunId": ids.encode(IdKind.RUNBOOK_RUN, row.pk),
            "ServerTaskId": ids.encode(IdKind.TASK, row.task_id),
        }
        for row in RunbookRun.objects.filter(task__in=tasks).order_by("pk")
    ]


ROUTES = [
    path("runbook-runs/create/v1", RunView.as_view()),
    path("runbook-runs/git/create/v1", GitRunView.as_view()),
    path("runbook-runs/preview/v1", PreviewView.as_view()),
    *routes(RunbookRunsView, "runbookRuns", everything=False),
]
