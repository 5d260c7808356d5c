"""Searching the log of a task: as a page, and for the viewer's search box."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from common import htmx
from tasks.forms import LogSearchForm
from tasks.models import ServerTask
from tasks.selectors import log_context, log_search
from tasks.selectors.log_archives import LogGone
from tasks.selectors.log_frames import readable_attempts
from tasks.views.detail import page_context, task_of


@require_GET
def task_hits(request: PageRequest, pk: int) -> JsonResponse:
    """{count, whole, groups: [{attempt, count, hits: [line from 0]}]}, or 422 with {error}."""
    task = task_of(request, pk)
    form = LogSearchForm(request.GET)
    try:
        result = _search(task, form)
    except (log_search.BadPattern, LogGone) as error:
        return JsonResponse({"error": str(error)}, status=422)
    groups = [
        {"attempt": str(one.attempt.pk), "count": one.count, "hits": one.hits}
        for one in result.found
        if one.count
    ]
    answer = {"count": result.count, "whole": result.is_whole, "groups": groups}
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@require_GET
def task_search(request: PageRequest, pk: int) -> HttpResponse:
    """The first hits with the lines around them, for a page without script and for links to others."""
    task = task_of(request, pk)
    form = LogSearchForm(request.GET)
    context: dict[str, Any] = {**page_context(request, task, tab="log"), "form": form}
    if not request.GET.get("q"):
        return htmx.page(request, "tasks/task_search.html", context, partial="live")
    try:
        result = _search(task, form)
        context |= {"result": result, "shown": log_context.of(result)}
    except (log_search.BadPattern, LogGone) as error:
        context["problem"] = str(error)
        return htmx.invalid(request, "tasks/task_search.html", context)
    return htmx.page(request, "tasks/task_search.html", context, partial="live")


def _search(task: ServerTask, form: LogSearchForm) -> log_search.Result:
    query = form.query()
    step = form.cleaned_data["step"]
    attempts = [one for one in readable_attempts(task) if step in (None, one.execution.number)]
    return log_search.search(attempts, query)
