"""What only Octoworkers knows of a task: its plan, why each step has its pool, its attempts with their logs
by range, how an unknown outcome is settled, and the list as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import ANY_OBJECT, Body, Text, moment
from common.streaming import stream
from domain import ids
from domain.codec import Malformed
from domain.ids import IdKind
from domain.plans import RunPlan
from domain.runs import Answer
from tasks.api.details import element
from tasks.api.plans import PLAN_SCHEMA, REASON_SCHEMA, plan_json, step_json
from tasks.api.tasks import TasksView, description
from tasks.models import Attempt, Interruption, InterruptionKind, ServerTask
from tasks.selectors import logs
from tasks.selectors.attempts import look_of, words_of
from tasks.services import interruptions

#: Lines of one answer.
COUNT, MOST = 1000, 5000
LAST_LINE = 2**53
#: Rows of an export, and of one block of it.
MOST_ROWS, BLOCK = 100_000, 500
COLUMNS = (
    "Id",
    "Name",
    "Description",
    "State",
    "Project",
    "Environment",
    "Tenant",
    "CreatedBy",
    "QueueTime",
    "StartTime",
    "CompletedTime",
    "ErrorMessage",
)
#: What makes a spreadsheet calculate.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class SettleBody(Body):
    Outcome = serializers.ChoiceField(
        [answer.value for answer in (Answer.SUCCEEDED, Answer.FAILED, Answer.RETRY)], source="outcome"
    )
    Notes = Text(source="notes", max_length=4000)


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """`Outcome` is the short account of an end that was not a success."""
    return {
        "Id": f"{IdKind.ATTEMPT.value}-{attempt.pk}",
        "TaskId": ids.encode(IdKind.TASK, attempt.execution.task_id),
        "Step": attempt.execution.number,
        "StepName": attempt.execution.name,
        "Epoch": attempt.epoch,
        "State": attempt.state,
        "Status": look_of(attempt),
        "Outcome": words_of(attempt),
        "ExitCode": attempt.exit_code,
        "Message": attempt.message,
        "WorkerId": ids.encode(IdKind.WORKER, attempt.machine_id) if attempt.machine_id else None,
        "WorkerName": attempt.machine.name if attempt.machine else "",
        "Started": moment(attempt.started_at),
        "Finished": moment(attempt.finished_at),
        "LogLines": attempt.log_lines,
        "LogBytes": attempt.log_bytes,
        "LogSha256": attempt.log_sha256,
    }


ATTEMPT_SCHEMA = {**ANY_OBJECT, "description": "A try of a step on a worker."}


class InsideView(TasksView):
    tag = "tasks"

    def _plan(self, task: ServerTask) -> RunPlan:
        stored = ServerTask.objects.values_list("plan", flat=True).get(pk=task.pk)
        try:
            return RunPlan.from_json(stored)
        except Malformed as error:
            raise Http404(
                "The plan of this task was not found: it is of a version that cannot be read."
            ) from error

    @extend_schema(responses=PLAN_SCHEMA)
    def plan(self, request: Request, ref: str) -> Response:
        """The plan that was frozen when the task was made."""
        return Response(plan_json(self._plan(self.object(ref))))

    @extend_schema(
        responses={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "Number": {"type": "integer"},
                    "Name": {"type": "string"},
                    "WorkerPoolId": {"type": "string", "nullable": True},
                    "WorkerPoolName": {"type": "string"},
                    "Why": REASON_SCHEMA,
                },
            },
        }
    )
    def pool_trace(self, request: Request, ref: str) -> Response:
        """Why each step has its pool: every value of the variable, and what spoke for or against it."""
        wanted = ("Number", "Name", "WorkerPoolId", "WorkerPoolName", "Why")
        steps = (step_json(step) for step in self._plan(self.object(ref)).steps)
        return Response([{name: step[name] for name in wanted} for step in steps])

    @extend_schema(responses={"type": "array", "items": ATTEMPT_SCHEMA})
    def attempts(self, request: Request, ref: str) -> Response:
        rows = Attempt.objects.filter(execution__task=self.object(ref)).select_related("execution", "machine")
        return Response([attempt_json(row) for row in rows.order_by("execution__number", "epoch")])

    @extend_schema(
        responses={
            "type": "object",
            "properties": {
                "First": {"type": "integer"},
                "Next": {"type": "integer"},
                "Total": {"type": "integer"},
                "IsComplete": {"type": "boolean"},
                "Lines": {"type": "array", "items": ANY_OBJECT},
            },
        },
        parameters=[
            OpenApiParameter("first", int, description="The first line, counted from 0."),
            OpenApiParameter("count", int, description=f"At most {MOST:,}."),
        ],
    )
    def log(self, request: Request, ref: str, attempt: str) -> Response:
        """A range of lines. Ask again from `Next` until `IsComplete`."""
        found = self._attempt(ref, attempt)
        first = min(self.query.number("first", 0), LAST_LINE)
        count = min(self.query.number("count", COUNT), MOST)
        lines = logs.lines(found.pk, first, min(count, max(found.log_lines - first, 0)), joined=False)
        following = lines[-1].seq + 1 if lines else min(first, found.log_lines)
        return Response(
            {
                "First": first,
                "Next": following,
                "Total": found.log_lines,
                "IsComplete": found.finished_at is not None and following >= found.log_lines,
                "Lines": [element(line) for line in lines],
            }
        )

    @extend_schema(request=SettleBody, responses={"200": ATTEMPT_SCHEMA})
    def settle(self, request: Request, ref: str, attempt: str) -> Response:
        """Says how an attempt ended whose outcome nobody knows."""
        found = self._attempt(ref, attempt)
        self.require(Permission.RUN, found.execution.task)
        data = self.body(SettleBody)
        question = Interruption.objects.filter(
            execution=found.execution, kind=InterruptionKind.SETTLE, closed_at=None
        ).select_related("task__space", "execution")
        asked = question.first()
        if asked is None:
            raise errors.Conflict("Nobody asks how this attempt ended: its outcome is known, or was settled.")
        interruptions.answer(
            asked, answer=Answer(data["outcome"]), notes=data["notes"], user=self.user, now=timezone.now()
        )
        return Response(attempt_json(self._attempt(ref, attempt)))

    def _attempt(self, ref: str, attempt: str) -> Attempt:
        try:
            pk = UUID(attempt.rpartition("Attempts-")[2])
        except ValueError as error:
            raise Http404(f"The attempt {attempt[:80]!r} was not found.") from error
        rows = Attempt.objects.filter(execution__task=self.object(ref))
        found = rows.select_related("execution__task", "machine").defer("execution__task__plan").filter(pk=pk)
        row: Attempt = self.known(found.first(), attempt)
        return row

    @extend_schema(
        responses={(200, "text/csv"): {"type": "string"}},
        parameters=[OpenApiParameter("format", str, enum=["csv"], description="csv, which is all there is.")],
    )
    def export(self, request: Request) -> HttpResponseBase:
        """The list with the same filters, as a file: the newest hundred thousand."""
        if self.query.text("format").casefold() not in ("", "csv"):
            raise ValidationError({"format": "Only csv can be written."})
        rows = self.listed().prefetch_related(None)[:MOST_ROWS]
        headers = {"Content-Disposition": 'attachment; filename="tasks.csv"'}
        return stream(request._request, _csv(rows), content_type="text/csv; charset=utf-8", headers=headers)


def _csv(rows: Any) -> Iterator[bytes]:
    yield _block([COLUMNS])
    block: list[tuple[str, ...]] = []
    for task in rows.iterator(chunk_size=BLOCK):
        block.append(_row(task))
        if len(block) == BLOCK:
            yield _block(block)
            block = []
    if block:
        yield _block(block)


def _block(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _row(task: ServerTask) -> tuple[str, ...]:
    cells = (
        ids.encode(IdKind.TASK, task.pk),
        task.kind,
        description(task),
        task.state,
        task.project_name,
        task.environment.name,
        task.tenant.name if task.tenant else "",
        task.created_by_name,
        moment(task.queued_at) or "",
        moment(task.started_at) or "",
        moment(task.completed_at) or "",
        task.error_message,
    )
    return tuple(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)


ROUTES = [
    path("tasks/export", InsideView.as_view({"get": "export"})),
    path("tasks/<str:ref>/plan", InsideView.as_view({"get": "plan"})),
    path("tasks/<str:ref>/pool-trace", InsideView.as_view({"get": "pool_trace"})),
    path("tasks/<str:ref>/attempts", InsideView.as_view({"get": "attempts"})),
    path("tasks/<str:ref>/attempts/<str:attempt>/log", InsideView.as_view({"get": "log"})),
    path("tasks/<str:ref>/attempts/<str:attempt>/settle", InsideView.as_view({"post": "settle"})),
]
