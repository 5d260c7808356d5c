"""The log page by page, for browsers without script."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from common import htmx
from tasks.models import Attempt, ServerTask
from tasks.selectors import log_context
from tasks.selectors.log_archives import LogGone
from tasks.selectors.log_frames import named_attempts
from tasks.views.detail import page_context, task_of

#: Lines of one page.
LINES = 1000
LAST_LINE = 2**53


@require_GET
def task_lines(request: PageRequest, pk: int, number: int) -> HttpResponse:
    """What a step wrote in its last attempt, or in `attempt` (its address on the task's page), from line
    `from` on, counted from 1."""
    task = task_of(request, pk)
    anchor, attempt = _attempt(task, number, request.GET.get("attempt", ""))
    first = _first(request)
    try:
        lines = log_context.page(attempt, first, LINES)
    except LogGone as gone:
        raise Http404(str(gone)) from gone
    context = {
        **page_context(request, task, tab="log"),
        "attempt": attempt,
        "anchor": anchor,
        "lines": lines,
        "before": max(first - LINES, 0) + 1 if first else None,
        "after": first + LINES + 1 if first + LINES < attempt.log_lines else None,
    }
    return htmx.page(request, "tasks/task_lines.html", context, partial="live")


def _attempt(task: ServerTask, number: int, anchor: str) -> tuple[str, Attempt]:
    found = [one for one in named_attempts(task) if one[1].execution.number == number]
    wanted = [one for one in found if one[0] == anchor] if anchor else found[-1:]
    if not wanted:
        raise Http404("There is no log of this step.")
    return wanted[0]


def _first(request: PageRequest) -> int:
    text = request.GET.get("from", "1")
    if not (text.isascii() and text.isdigit()):
        raise Http404("There are no such lines.")
    return min(max(int(text[:20]) - 1, 0), LAST_LINE)
