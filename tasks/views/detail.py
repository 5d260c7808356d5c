from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from domain.codec import Malformed
from domain.plans import RunPlan
from protocol import CANCEL_GRACE_SECONDS
from tasks import subjects
from tasks.models import UNFINISHED, ServerTask, TaskState
from tasks.selectors import log_frames, steps
from tasks.selectors import tasks as selectors
from tasks.selectors.values import used_values
from tasks.services import tasks as services


def _task(request: PageRequest, pk: int) -> ServerTask:
    found = ServerTask.objects.visible_to(request.user).in_space(request.space)
    task: ServerTask = get_object_or_404(found.select_related("environment", "tenant"), pk=pk)
    return task


@require_GET
def task_detail(request: PageRequest, pk: int) -> HttpResponse:
    """The log; for HTMX only what changes by itself above and beside it."""
    task = _task(request, pk)
    context = _context(request, task, tab="log")
    if not htmx.is_fragment(request):
        frame = log_frames.first_frame(task)
        context |= {"frame": frame, "plain_log": log_frames.as_text(frame)}
    return htmx.page(request, "tasks/task_detail.html", context, partial="live")


@require_GET
def task_plan(request: PageRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    context = _context(request, task, tab="plan")
    executions = {one.number: one for one in context["executions"]}
    context["plan"] = plan = _plan(task)
    context["planned"] = [(step, executions.get(step.number)) for step in plan.steps] if plan else []
    return htmx.page(request, "tasks/task_plan.html", context, partial="live")


@require_GET
def task_variables(request: PageRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    context = _context(request, task, tab="variables")
    context["plan"] = plan = _plan(task)
    context["values"] = used_values(plan) if plan else []
    return htmx.page(request, "tasks/task_variables.html", context, partial="live")


@require_GET
def task_events(request: PageRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    context = _context(request, task, tab="events")
    context["events"] = task.events.order_by("id")
    return htmx.page(request, "tasks/task_events.html", context, partial="live")


@require_POST
def task_cancel(request: PageRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    require(request.user, Permission.CANCEL, task)
    services.cancel(task, user=request.user, now=timezone.now())
    return htmx.redirect(request, reverse("task_detail", args=[pk]))


@require_POST
def task_rerun(request: PageRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    require(request.user, Permission.RUN, task)
    try:
        again = subjects.rerun(task, request.user)
    except (services.PlanHasErrors, subjects.CannotRerun) as refusal:
        messages.error(request, f"Not started: {refusal}")
        return htmx.redirect(request, reverse("task_detail", args=[pk]))
    return htmx.redirect(request, reverse("task_detail", args=[again.pk]))


def _context(request: PageRequest, task: ServerTask, *, tab: str) -> dict[str, Any]:
    now = timezone.now()
    executions = steps.executions_of(task)
    lost = steps.open_attempts(task)
    return {
        "task": task,
        "tab": tab,
        "executions": executions,
        "tree": steps.tree(task, executions, lost, now),
        "evidence": steps.evidence(executions, lost),
        "failure": steps.failure(executions) if task.state == TaskState.FAILED else None,
        "notice": steps.instead_of_log(task, executions, selectors.queue_place(task)),
        "events_count": task.events.count(),
        "is_over": task.is_completed,
        "may_cancel": task.state in UNFINISHED and can(request.user, Permission.CANCEL, task),
        "may_run": task.is_completed and can(request.user, Permission.RUN, task),
        "grace_seconds": CANCEL_GRACE_SECONDS,
    }


def _plan(task: ServerTask) -> RunPlan | None:
    """None for a plan that this version cannot read any more."""
    try:
        return RunPlan.from_json(task.plan)
    except Malformed:
        return None
