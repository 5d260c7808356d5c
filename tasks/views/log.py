from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from tasks.models import Attempt, ServerTask
from tasks.selectors import log_frames, logs
from tasks.selectors.log_archives import LogGone

MAX_LINES = 2000
LAST_LINE = 2**53


def _task(request: PageRequest, pk: int) -> ServerTask:
    found = ServerTask.objects.visible_to(request.user).in_space(request.space)
    task: ServerTask = get_object_or_404(found.only("state"), pk=pk)
    return task


def _attempts(task: ServerTask) -> list[Attempt]:
    found = Attempt.objects.filter(execution__task=task).select_related("execution", "archive")
    return list(found.order_by("execution__number", "epoch"))


def _number(request: PageRequest, name: str, fallback: int) -> int:
    try:
        return min(max(int(request.GET.get(name, fallback)), 0), LAST_LINE)
    except ValueError as error:
        raise Http404("There are no such lines.") from error


@require_GET
def task_log(request: PageRequest, pk: int, number: int) -> JsonResponse:
    """Lines of a step from `first`, at most `count`, maybe fewer: of `attempt`, else of the last one."""
    attempt = _attempt(request, _task(request, pk), number)
    first = _number(request, "first", 0)
    try:
        found = logs.lines(attempt.pk, first, min(_number(request, "count", 500), MAX_LINES))
    except LogGone as gone:
        raise Http404(str(gone)) from gone
    answer = {
        "attempt": str(attempt.pk),
        "first": first,
        "total": attempt.log_lines,
        "lines": [line.to_json() for line in found],
    }
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@require_GET
def task_frame(request: PageRequest, pk: int) -> HttpResponse:
    """What is new since `after` (JSON: next line by attempt), for a page whose socket does not come
    about."""
    task = _task(request, pk)
    try:
        after = json.loads(request.GET.get("after", "{}"))
        known = {str(key): max(int(value), 0) for key, value in after.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Http404("There are no such lines.") from error
    frame = log_frames.next_frame(task, log_frames.Position(after=known))
    # A position without a state is always told it.
    return JsonResponse(frame or {}, headers={"Cache-Control": "no-store"})


def _attempt(request: PageRequest, task: ServerTask, number: int) -> Attempt:
    found = Attempt.objects.filter(execution__task=task, execution__number=number).order_by("-epoch")
    if wanted := request.GET.get("attempt"):
        try:
            found = found.filter(pk=UUID(wanted))
        except ValueError as error:
            raise Http404("There is no such attempt.") from error
    attempt = found.first()
    if attempt is None:
        raise Http404("This step has not run.")
    return attempt


@require_GET
def task_raw(request: PageRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """The whole log in the order of the steps, byte for byte; with `?times` each line after its time."""
    task = _task(request, pk)
    return _download(request, _attempts(task), name=f"task-{pk}")


@require_GET
def task_raw_step(request: PageRequest, pk: int, number: int) -> HttpResponse | StreamingHttpResponse:
    task = _task(request, pk)
    attempts = [one for one in _attempts(task) if one.execution.number == number]
    if not attempts:
        raise Http404("This step has not run.")
    return _download(request, attempts, name=f"task-{pk}-step-{number}")


def _there(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Those whose logs can be read. Raises Http404 where that is none of several."""
    try:
        found = [attempt for attempt in attempts if logs.is_there(attempt)]
    except LogGone as gone:
        raise Http404(str(gone)) from gone
    if attempts and not found:
        raise Http404("This log was removed by retention.")
    return found


def _download(request: PageRequest, attempts: Sequence[Attempt], *, name: str) -> StreamingHttpResponse:
    with_times = "times" in request.GET
    attempts = _there(attempts)
    read: Callable[[Sequence[Attempt]], Iterator[bytes]] = logs.timed if with_times else logs.raw
    blocks = read(attempts)
    response = StreamingHttpResponse(
        _asynchronous(blocks) if isinstance(request, ASGIRequest) else blocks,
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.log"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )
    if not with_times:
        response["Content-Length"] = str(logs.size_of(attempts))
    return response


async def _asynchronous(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Under ASGI Django would otherwise read the whole log into memory first."""
    following = sync_to_async(partial(next, blocks, None))
    while (block := await following()) is not None:
        yield block
