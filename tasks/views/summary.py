from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from common import htmx
from tasks.selectors import summary
from tasks.views.detail import page_context, task_of


@require_GET
def task_summary(request: PageRequest, pk: int) -> HttpResponse:
    """What a person wants to know of a run without reading its log."""
    task = task_of(request, pk)
    context = page_context(request, task, tab="summary")
    context["summary"] = summary.of(task, list(context["executions"]))
    return htmx.page(request, "tasks/task_summary.html", context, partial="live")
