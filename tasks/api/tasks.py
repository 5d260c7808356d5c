"""Tasks: the list with its filters, and what people want of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import InSpace, ResourceView, numbers
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import (
    BOOLEAN,
    STRING,
    STRINGS,
    Always,
    Body,
    Computed,
    IdField,
    LinksField,
    Moment,
    Text,
)
from common.times import duration_words
from domain import ids
from domain.ids import IdKind
from spaces.models import Space
from tasks import subjects
from tasks.api import related
from tasks.models import ACTIVE, UNFINISHED, Interruption, InterruptionKind, Kind, ServerTask, TaskState
from tasks.services import tasks
from tasks.services.tasks import NotQueued

errors.refuse(NotQueued, code=409)

FINISHED = [state for state in TaskState if state not in UNFINISHED]
#: Ours are asked in the words of the one that clients know.
INTERRUPTION_TYPES = {
    InterruptionKind.MANUAL.value: "ManualIntervention",
    InterruptionKind.GUIDED_FAILURE.value: "GuidedFailure",
    InterruptionKind.SETTLE.value: "GuidedFailure",
}


def description(task: ServerTask) -> str:
    tenant = f" for {task.tenant.name}" if task.tenant else ""
    verb = "Run" if task.kind == Kind.RUNBOOK_RUN else ""
    return f"{verb} {task.name} in {task.environment.name}{tenant}".strip()


def completed(task: ServerTask) -> str:
    """The moment, or a word for how far it is."""
    if task.completed_at:
        return f"{task.completed_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{task.state}..."


def duration(task: ServerTask) -> str:
    begin = task.started_at or task.queued_at
    return duration_words((task.completed_at or timezone.now()) - begin)


def _pending(task: ServerTask) -> list[str]:
    found: list[Interruption] = task.open_interruptions  # type: ignore[attr-defined]  # prefetched by the view
    return sorted({INTERRUPTION_TYPES[one.kind] for one in found})


class TaskResource(InSpace):
    kind = IdKind.TASK
    path = "tasks"

    Id = IdField(IdKind.TASK, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="space_id")
    Name = Text(source="kind", read_only=True)
    Description = Computed(description, STRING)
    Arguments = Computed(related.arguments, {"type": "object", "additionalProperties": STRING})
    State = serializers.ChoiceField(TaskState.choices, source="state", read_only=True)
    Completed = Computed(completed, STRING)
    QueueTime = Moment(source="queued_at", read_only=True)
    QueueTimeExpiry = Moment(source="queue_expires_at", read_only=True)
    StartTime = Moment(source="started_at", read_only=True)
    LastUpdatedTime = Computed(
        lambda row: row.completed_at or row.started_at or row.queued_at,
        {"type": "string", "format": "date-time"},
    )
    CompletedTime = Moment(source="completed_at", read_only=True)
    ServerNode = Text(source="node_name", read_only=True)
    Duration = Computed(duration, STRING)
    ErrorMessage = Text(source="error_message", read_only=True)
    HasBeenPickedUpByProcessor = Computed(lambda row: row.started_at is not None, BOOLEAN)
    IsCompleted = Computed(lambda row: row.is_completed, BOOLEAN)
    FinishedSuccessfully = Computed(lambda row: row.state == TaskState.SUCCESS, BOOLEAN)
    HasPendingInterruptions = Computed(lambda row: bool(_pending(row)), BOOLEAN)
    PendingInterruptionTypes = Computed(_pending, STRINGS)
    HasWarningsOrErrors = Computed(
        lambda row: row.has_warnings or row.state in (TaskState.FAILED, TaskState.TIMED_OUT), BOOLEAN
    )
    CanRerun = Computed(lambda row: row.is_completed, BOOLEAN)
    ProjectId = Computed(
        lambda row: ids.encode(IdKind.PROJECT, row.project_id) if row.project_id else None,
        {"type": "string", "nullable": True},
    )
    EnvironmentId = IdField(IdKind.ENVIRONMENT, source="environment_id")
    TenantId = Computed(
        lambda row: ids.encode(IdKind.TENANT, row.tenant_id) if row.tenant_id else None,
        {"type": "string", "nullable": True},
    )
    EstimatedRemainingQueueDurationSeconds = Always(None)
    Links = LinksField()

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        task_id = self.id_of(row)
        words = ("Details", "Raw", "Cancel", "State", "Prioritize", "Plan", "Attempts")
        return {
            "Self": own,
            **{word: f"{own}/{word.lower()}" for word in words},
            "Rerun": f"{own.rpartition('/')[0]}/rerun/{task_id}",
            "QueuedBehind": f"{own}/queued-behind",
            "PoolTrace": f"{own}/pool-trace",
            "Artifacts": f"{own.rpartition('/tasks/')[0]}/artifacts?regarding={task_id}",
            "Interruptions": f"{own.rpartition('/tasks/')[0]}/interruptions?regarding={task_id}",
            "Web": f"/tasks/{row.pk}/",
        }


class StateBody(Body):
    State = serializers.CharField(source="state", max_length=40)
    Reason = Text(source="reason", max_length=2000)


OPEN = Prefetch(
    "interruptions", queryset=Interruption.objects.filter(closed_at=None), to_attr="open_interruptions"
)


class TasksView(ResourceView):
    model = ServerTask
    kind = IdKind.TASK
    item_type = "Task"
    serializer_class = TaskResource
    queryset = ServerTask.objects.none()
    paged = ("queued_behind",)
    name_field = ""
    filters = {
        "states": "Queued, Executing, Cancelling, Success, Failed, Canceled, TimedOut; joined by commas.",
        "active": "true: those that are not over.",
        "running": "true: those that are executing or cancelling.",
        "project": "An id.",
        "runbook": "An id.",
        "environment": "An id.",
        "tenant": "An id.",
        "node": "The name of a node.",
        "spaces": "Ids of spaces, joined by commas; without a space in the address.",
        "hasPendingInterruptions": "true or false.",
        "hasWarningsOrErrors": "true or false.",
        **{
            f"{end}{what}Date": "A moment."
            for what in ("Queue", "Start", "Completed")
            for end in ("from", "to")
        },
    }

    def rows(self) -> Any:
        rows = super().rows().select_related("environment", "tenant", *related.relations())
        return rows.prefetch_related(OPEN).defer("plan").order_by("-id")

    def listed(self) -> Any:
        return self.narrowed(self.rows().filter(self._spaces()))

    def _spaces(self) -> Q:
        """Ids are unique, so that tasks that are named are found in any space."""
        if self.names_space:
            return Q(space=self.space)
        if wanted := self.query.words("spaces"):
            return Q(space__in=numbers(IdKind.SPACE, wanted))
        if self.query.words("ids"):
            return Q(space__in=Space.objects.visible_to(self.user))
        return Q(space=self.space)

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        exact = {
            "project_id": (IdKind.PROJECT, "project"),
            "runbook_id": (IdKind.RUNBOOK, "runbook"),
            "environment": (IdKind.ENVIRONMENT, "environment"),
            "tenant": (IdKind.TENANT, "tenant"),
        }
        for field, (kind, name) in exact.items():
            if self.query.text(name):
                rows = rows.filter(**{f"{field}__in": numbers(kind, self.query.words(name))})
        rows = self._in_states(rows)
        return self._between(self._saying(rows))

    def _in_states(self, rows: Any) -> Any:
        if self.query.text("states"):
            rows = rows.filter(state__in=self._states(self.query.words("states")))
        for name, states in (("active", UNFINISHED), ("running", ACTIVE)):
            if (flag := self.query.flag(name)) is not None:
                rows = rows.filter(state__in=states if flag else set(TaskState) - set(states))
        if (flag := self.query.flag("hasPendingInterruptions")) is not None:
            asking = Interruption.objects.filter(closed_at=None).values("task_id")
            rows = rows.filter(pk__in=asking) if flag else rows.exclude(pk__in=asking)
        return rows

    @staticmethod
    def _states(words: list[str]) -> list[str]:
        names = {state.value.casefold(): state.value for state in TaskState}
        return [names[word.casefold()] for word in words if word.casefold() in names]

    def _saying(self, rows: Any) -> Any:
        if kind := self.query.text("name"):
            rows = rows.filter(kind__iexact=kind)
        if part := self.query.text("partialName"):
            rows = rows.filter(name__icontains=part)
        if node := self.query.text("node"):
            rows = rows.filter(node_name=node)
        if (flag := self.query.flag("hasWarningsOrErrors")) is not None:
            bad = Q(has_warnings=True) | Q(state__in=[TaskState.FAILED, TaskState.TIMED_OUT])
            rows = rows.filter(bad) if flag else rows.exclude(bad)
        return rows

    def _between(self, rows: Any) -> Any:
        fields = {"Queue": "queued_at", "Start": "started_at", "Completed": "completed_at"}
        for what, field in fields.items():
            for end, lookup in (("from", "gte"), ("to", "lte")):
                if text := self.query.text(f"{end}{what}Date"):
                    rows = rows.filter(**{f"{field}__{lookup}": _moment(f"{end}{what}Date", text)})
        return rows

    def page(self, rows: Any, **options: Any) -> Response:
        """A client that names ids wants these: `skip` then counts its batches, and means nothing here."""
        if self.query.words("ids"):
            self.query = self.query.without("skip")
        return super().page(rows, **options)

    def by_name(self, rows: Any, ref: str) -> Any:
        return None

    def all(self, request: Request, **kwargs: Any) -> Response:
        """The newest thousand."""
        return Response(self.get_serializer(self.listed()[:1000], many=True).data)

    # --- acting ----------------------------------------------------------------------------------

    @extend_schema(request=None, responses={"200": TaskResource})
    def cancel(self, request: Request, ref: str) -> Response:
        """Asks it to end; one that has ended stays as it is."""
        task = self.object(ref)
        self.require(Permission.CANCEL, task)
        tasks.cancel(task, user=self.user, now=timezone.now())
        return self._shown(task)

    @extend_schema(request=StateBody, responses={"200": TaskResource})
    def state(self, request: Request, ref: str) -> Response:
        """Only Canceled: every other state follows from what the steps did."""
        data = self.body(StateBody)
        if data["state"].casefold() != TaskState.CANCELED.value.casefold():
            raise ValidationError(
                {"State": "Only Canceled can be set: the other states follow from what the steps did."}
            )
        return self.cancel(request, ref)

    @extend_schema(request=None, responses={"200": TaskResource})
    def rerun(self, request: Request, ref: str) -> Response:
        """The same in the same place again, planned afresh; answers with the new task."""
        task = self.object(ref)
        self.require(Permission.RUN, task)
        if not task.is_completed:
            raise errors.Conflict("This task has not ended yet.")
        return self._shown(subjects.rerun(task, self.user))

    @extend_schema(request=None, responses={"200": TaskResource})
    def prioritize(self, request: Request, ref: str) -> Response:
        """Moves it to the top of the queue."""
        task = self.object(ref)
        self.require(Permission.CANCEL, task)
        tasks.move_to_top(task, user=self.user, now=timezone.now())
        return self._shown(task)

    def _shown(self, task: ServerTask) -> Response:
        return self.shown(TaskResource, self.reread(task))

    @extend_schema(responses=TaskResource)
    def queued_behind(self, request: Request, ref: str) -> Response:
        """The unfinished tasks that have to end, or start, before this one may start: those with the same
        concurrency key before it in the queue."""
        task = self.object(ref)
        return self.page(_before(self.rows(), task))

    @extend_schema(responses={"type": "object", "additionalProperties": STRING})
    def types(self, request: Request) -> Response:
        return Response({kind.value: kind.label for kind in Kind})


def _before(rows: Any, task: ServerTask) -> Any:
    if task.state != TaskState.QUEUED:
        return rows.none()
    ahead = Q(queue_rank__gt=task.queue_rank) | Q(queue_rank=task.queue_rank, pk__lt=task.pk)
    waiting = Q(state=TaskState.QUEUED) & ahead
    return rows.filter(waiting | Q(state__in=ACTIVE), concurrency_key=task.concurrency_key, space=task.space)


def _moment(name: str, text: str) -> datetime:
    # A plus sign that was not encoded arrives as a space.
    try:
        found = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        found = None
    if found is None:
        raise ValidationError({name: "Enter a moment such as 2026-01-02T03:04:05+00:00."})
    return found if timezone.is_aware(found) else timezone.make_aware(found)


ROUTES = [
    path("tasks", TasksView.as_view({"get": "list"})),
    path("tasks/all", TasksView.as_view({"get": "all"})),
    path("tasks/tasktypes", TasksView.as_view({"get": "types"})),
    path("tasks/rerun/<str:ref>", TasksView.as_view({"post": "rerun"})),
    path("tasks/<str:ref>", TasksView.as_view({"get": "retrieve"})),
    path("tasks/<str:ref>/cancel", TasksView.as_view({"post": "cancel"})),
    path("tasks/<str:ref>/state", TasksView.as_view({"post": "state"})),
    path("tasks/<str:ref>/rerun", TasksView.as_view({"post": "rerun"})),
    path("tasks/<str:ref>/prioritize", TasksView.as_view({"post": "prioritize"})),
    path("tasks/<str:ref>/queued-behind", TasksView.as_view({"get": "queued_behind"})),
]
