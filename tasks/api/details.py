"""A task in depth: its steps as a tree with their log, and the whole log as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import errors
from common.api.serializers import ANY_OBJECT, moment
from common.streaming import stream
from domain import ids
from domain.ids import IdKind
from protocol.log import Level
from tasks.api.tasks import TaskResource, TasksView, duration
from tasks.models import Attempt, Execution, ServerTask, StepState, TaskEvent, TaskState
from tasks.selectors import logs
from tasks.selectors.attempts import look_of
from tasks.selectors.log_archives import LogGone
from tasks.selectors.logs import LAST_MOMENT, Line
from tasks.selectors.steps import ENDED

STATUSES = {
    StepState.PENDING: "Pending",
    StepState.WAITING: "Pending",
    StepState.RUNNING: "Running",
    StepState.RETRYING: "Running",
    StepState.INTERRUPTED: "Running",
    StepState.SUCCESS: "Success",
    StepState.IGNORED: "SuccessWithWarning",
    StepState.FAILED: "Failed",
    StepState.UNKNOWN: "Failed",
    StepState.SKIPPED: "Skipped",
    StepState.CANCELED: "Canceled",
}
errors.refuse(LogGone, code=404)

TASK_STATUSES = {
    TaskState.QUEUED: "Pending",
    TaskState.EXECUTING: "Running",
    TaskState.CANCELLING: "Running",
    TaskState.SUCCESS: "Success",
    TaskState.FAILED: "Failed",
    TaskState.TIMED_OUT: "Failed",
    TaskState.CANCELED: "Canceled",
}
CATEGORIES = {
    Level.VERBOSE: "Verbose",
    Level.INFO: "Info",
    Level.HIGHLIGHT: "Highlight",
    Level.WAIT: "Wait",
    Level.WARNING: "Warning",
    Level.ERROR: "Error",
    Level.FATAL: "Fatal",
}
#: Lines of each attempt that the tree holds; the whole is in the raw log.
TAIL, MOST_TAIL = 1000, 10_000
BLOCK = 1000


class TaskDetailsView(TasksView):
    @extend_schema(
        responses={
            "type": "object",
            "properties": {
                "Task": ANY_OBJECT,
                "ActivityLogs": {"type": "array", "items": ANY_OBJECT},
                "Progress": ANY_OBJECT,
                "PhysicalLogSize": {"type": "integer"},
                "Links": ANY_OBJECT,
            },
        }
    )
    def details(self, request: Request, ref: str) -> Response:
        """One root per task, a child per step, its children per attempt. `tail` is how many of the last lines
        of each attempt are wanted, `verbose` whether verbose ones are."""
        task = self.object(ref)
        found = list(task.executions.prefetch_related("attempts__machine").order_by("number"))
        reader = _Reader(
            tail=min(self.query.number("tail", TAIL), MOST_TAIL),
            verbose=self.query.flag("verbose") is not False,
        )
        shown = TaskResource(task, context=self.get_serializer_context()).data
        sizes = Attempt.objects.filter(execution__task=task).values_list("log_bytes", flat=True)
        return Response(
            {
                "Task": shown,
                "ActivityLogs": [_root(task, found, reader)],
                "Progress": {"ProgressPercentage": _percentage(task, found), "EstimatedTimeRemaining": ""},
                "PhysicalLogSize": sum(sizes),
                "Links": {"Self": shown["Links"]["Details"], "Task": shown["Links"]["Self"]},
            }
        )

    @extend_schema(responses={(200, "text/plain"): {"type": "string"}})
    def raw(self, request: Request, ref: str) -> HttpResponseBase:
        """The whole log as text, step by step."""
        return stream(request._request, _raw(self.object(ref)), content_type="text/plain; charset=utf-8")


class _Reader:
    """Reads the last lines of attempts as log elements."""

    def __init__(self, *, tail: int, verbose: bool) -> None:
        self._tail, self._verbose = tail, verbose

    def elements(self, attempt: Attempt) -> list[dict[str, Any]]:
        first = max(attempt.log_lines - self._tail, 0)
        try:
            lines = logs.lines(attempt.pk, first, self._tail)
        except LogGone:
            return []
        return [element(line) for line in lines if self._verbose or line.level > Level.VERBOSE]


def element(line: Line) -> dict[str, Any]:
    return {
        "Category": CATEGORIES[line.level],
        "OccurredAt": moment(_time(line)),
        "MessageText": logs.plain(line.text),
        "Detail": None,
        "Number": line.seq,
    }


def _time(line: Line) -> datetime:
    # An agent's clock may say anything.
    return datetime.fromtimestamp(min(max(line.time, 0), LAST_MOMENT) / 1000, UTC)


def _event(event: TaskEvent) -> dict[str, Any]:
    return {
        "Category": CATEGORIES.get(Level(event.level), "Info") if event.level in set(Level) else "Info",
        "OccurredAt": moment(event.occurred_at),
        "MessageText": event.message,
        "Detail": None,
        "Number": event.pk,
    }


def _root(task: ServerTask, executions: Sequence[Execution], reader: _Reader) -> dict[str, Any]:
    task_id = ids.encode(IdKind.TASK, task.pk)
    own = list(task.events.order_by("id"))
    node = _activity(
        task_id,
        task.name,
        status=TASK_STATUSES[TaskState(task.state)],
        begin=task.started_at,
        end=task.completed_at,
        lines=[_event(event) for event in own if event.number is None],
    )
    node["ProgressPercentage"] = _percentage(task, executions)
    node["Children"] = [_step(task_id, one, own, reader) for one in executions]
    return node


def _step(task_id: str, execution: Execution, events: Sequence[TaskEvent], reader: _Reader) -> dict[str, Any]:
    step_id = f"{task_id}/{execution.number}"
    status = STATUSES[StepState(execution.state)]
    if status == "Success" and execution.has_warnings:
        status = "SuccessWithWarning"
    node = _activity(
        step_id,
        f"Step {execution.number}: {execution.title}",
        status=status,
        begin=execution.started_at,
        end=execution.completed_at,
        lines=[_event(event) for event in events if event.number == execution.number],
    )
    node["ProgressMessage"] = execution.message or execution.waiting_for
    node["Children"] = [_attempt(step_id, one, reader) for one in execution.attempts.all()]
    return node


def _attempt(step_id: str, attempt: Attempt, reader: _Reader) -> dict[str, Any]:
    gone = "the server" if attempt.served_by else "a worker that is gone"
    worker = attempt.machine.name if attempt.machine else gone
    is_good = look_of(attempt) == "Success"
    status = "Running" if attempt.finished_at is None else "Success" if is_good else "Failed"
    return _activity(
        f"{step_id}/{attempt.epoch}",
        f"Attempt {attempt.epoch} on {worker}",
        status=status,
        begin=attempt.started_at,
        end=attempt.finished_at,
        lines=reader.elements(attempt),
    )


def _activity(
    id: str,
    name: str,
    *,
    status: str,
    begin: datetime | None,
    end: datetime | None,
    lines: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "Id": id,
        "Name": name,
        "Status": status,
        "Started": moment(begin),
        "Ended": moment(end),
        "ShowAtSummaryLevel": True,
        "ProgressPercentage": 100 if end else 0,
        "ProgressMessage": "",
        "Children": [],
        "LogElements": lines,
    }


def _percentage(task: ServerTask, executions: Sequence[Execution]) -> int:
    if task.is_completed:
        return 100
    done = sum(one.state in ENDED for one in executions)
    return round(100 * done / len(executions)) if executions else 0


def _raw(task: ServerTask) -> Iterator[bytes]:
    yield _head(task).encode()
    attempts = Attempt.objects.filter(execution__task=task).select_related("execution", "machine")
    for attempt in attempts.order_by("execution__number", "epoch"):
        execution = attempt.execution
        worker = f" on {attempt.machine.name}" if attempt.machine else ""
        title = f"{execution.get_state_display()}: Step {execution.number}: {execution.title}{worker}"
        yield f"\n{'':20}| == {title} ==\n".encode()
        try:
            for first in range(0, attempt.log_lines, BLOCK):
                yield "".join(_texts(attempt, first)).encode()
        except LogGone as gone:
            yield f"{gone}\n".encode()


def _texts(attempt: Attempt, first: int) -> Iterator[str]:
    wanted = min(first + BLOCK, attempt.log_lines)
    while first < wanted:
        lines = logs.lines(attempt.pk, first, wanted - first, joined=False)
        if not lines:
            return
        for line in lines:
            yield f"{_time(line):%H:%M:%S}   {CATEGORIES[line.level]:<9}|   {logs.plain(line.text)}\n"
        first = lines[-1].seq + 1


def _head(task: ServerTask) -> str:
    return (
        f"Task ID:        {ids.encode(IdKind.TASK, task.pk)}\n"
        f"Task:           {task.name} in {task.environment.name}\n"
        f"Task status:    {task.state}\n"
        f"Task queued:    {moment(task.queued_at)}\n"
        f"Task started:   {moment(task.started_at) or ''}\n"
        f"Task duration:  {duration(task)}\n"
        f"Server version: {settings.SERVER_VERSION}\n"
    )


ROUTES = [
    path("tasks/<str:ref>/details", TaskDetailsView.as_view({"get": "details"})),
    path("tasks/<str:ref>/raw", TaskDetailsView.as_view({"get": "raw"})),
]
