from __future__ import annotations

from collections.abc import Mapping
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
from common.times import duration_words
from domain.codec import Malformed
from domain.plans import RunPlan, parent_text, step_text
from protocol import CANCEL_GRACE_SECONDS
from tasks import subjects
from tasks.models import UNFINISHED, Execution, ServerTask, TaskState
from tasks.selectors import artifacts, children, comparison, interruptions, log_frames, steps
from tasks.selectors.attempts import tries_of
from tasks.selectors.queue import why_waiting
from tasks.selectors.values import used_values
from tasks.services import resuming
from tasks.services import tasks as services
from tasks.services.options import Resume


def task_of(request: PageRequest, pk: int) -> ServerTask:
    """Raises Http404 for what the user may not see."""
    found = ServerTask.objects.visible_to(request.user).in_space(request.space)
    whole = children.with_parent(artifacts.with_count(found.select_related("environment", "tenant")))
    task: ServerTask = get_object_or_404(whole, pk=pk)
    return task


@require_GET
def task_detail(request: PageRequest, pk: int) -> HttpResponse:
    """The log; for HTMX only what changes by itself above and beside it."""
    return show(request, task_of(request, pk))


def show(
    request: PageRequest, task: ServerTask, more: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The task page with its log; `more` for its template."""
    context = {**page_context(request, task, tab="log"), **(more or {})}
    if not htmx.is_fragment(request):
        frame = log_frames.first_frame(task)
        context |= {"frame": frame, "plain_log": log_frames.as_text(frame), "has_log": True}
    return htmx.page(request, "tasks/task_detail.html", context, partial="live", status=status)


@require_GET
def task_plan(request: PageRequest, pk: int) -> HttpResponse:
    task = task_of(request, pk)
    context = page_context(request, task, tab="plan")
    units: dict[str, list[Execution]] = {}
    for one in context["executions"]:
        units.setdefault(one.step_label or str(one.step_number), []).append(one)
    context["plan"] = plan = _plan(task)
    context["planned"] = [
        (step, next(iter(own), None), step_text(step), own, parent_text(step) if step.child == 1 else None)
        for step in (plan.steps if plan else ())
        for own in [units.get(step.label, [])]
    ]
    return htmx.page(request, "tasks/task_plan.html", context, partial="live")


@require_GET
def task_variables(request: PageRequest, pk: int) -> HttpResponse:
    task = task_of(request, pk)
    context = page_context(request, task, tab="variables")
    context["plan"] = plan = _plan(task)
    context["values"] = used_values(plan) if plan else []
    return htmx.page(request, "tasks/task_variables.html", context, partial="live")


@require_GET
def task_events(request: PageRequest, pk: int) -> HttpResponse:
    task = task_of(request, pk)
    context = page_context(request, task, tab="events")
    context["events"] = task.events.order_by("id")
    context["answered"] = interruptions.answered(task)
    return htmx.page(request, "tasks/task_events.html", context, partial="live")


@require_POST
def task_cancel(request: PageRequest, pk: int) -> HttpResponse:
    task = task_of(request, pk)
    require(request.user, Permission.CANCEL, task)
    services.cancel(task, user=request.user, now=timezone.now())
    return htmx.redirect(request, reverse("task_detail", args=[pk]))


@require_POST
def task_rerun(request: PageRequest, pk: int) -> HttpResponse:
    """The same again, planned afresh."""
    return _again(request, task_of(request, pk))


@require_POST
def task_resume(request: PageRequest, pk: int, number: int) -> HttpResponse:
    """The same from a step on, with the plan of this task and the results of the steps before."""
    task = task_of(request, pk)
    return _again(request, task, resume=Resume(task, number))


def _again(request: PageRequest, task: ServerTask, *, resume: Resume | None = None) -> HttpResponse:
    pk = task.pk
    require(request.user, Permission.RUN, task)
    try:
        again = subjects.rerun(task, request.user, resume=resume)
    except (services.PlanHasErrors, subjects.CannotRerun, resuming.CannotResume) as refusal:
        messages.error(request, f"Not started: {refusal}")
        return htmx.redirect(request, reverse("task_detail", args=[pk]))
    return htmx.redirect(request, reverse("task_detail", args=[again.pk]))


def page_context(request: PageRequest, task: ServerTask, *, tab: str) -> dict[str, Any]:
    now = timezone.now()
    executions = steps.executions_of(task)
    has_server_steps = any(one.rules.get("server") for one in executions)
    children_of_steps = children.children_of(task) if has_server_steps else {}
    step_waits = steps.explain_waits(executions)
    wait = why_waiting([task], now=now).get(task.pk)
    lost = steps.open_attempts(task)
    tries = tries_of(task)
    usual = comparison.usual_duration(task)
    may_run = can(request.user, Permission.RUN, task)
    return {
        "task": task,
        "tab": tab,
        "parent": children.parent_of(task),
        "children": list(children_of_steps.items()),
        "executions": executions,
        "tree": steps.tree(task, executions, lost, tries, interruptions.answers_of(task), now),
        "questions": [] if task.is_completed else interruptions.open_questions(task),
        "resume": resuming.resume_point(task, executions) if may_run else None,
        "evidence": steps.evidence(executions, lost),
        "failure": steps.failure(executions) if task.state == TaskState.FAILED else None,
        "notice": steps.instead_of_log(task, executions, wait, step_waits),
        "wait": wait,
        "events_count": task.events.count(),
        "is_over": task.is_completed,
        "usual": duration_words(usual) if usual else "",
        "may_cancel": task.state in UNFINISHED and can(request.user, Permission.CANCEL, task),
        "may_move": wait is not None and can(request.user, Permission.CANCEL, task),
        "may_run": task.is_completed and may_run,
        "may_answer": may_run,
        "grace_seconds": CANCEL_GRACE_SECONDS,
    }


def _plan(task: ServerTask) -> RunPlan | None:
    """None for a plan that this version cannot read any more."""
    try:
        return RunPlan.from_json(task.plan)
    except Malformed:
        return None
