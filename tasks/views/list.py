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
from tasks.forms import STATE_GROUPS, TaskFilterForm, parse_ids
from tasks.models import UNFINISHED
from tasks.selectors import tasks as selectors
from tasks.selectors import views as selectors_of_views
from tasks.selectors.queue import why_waiting
from tasks.services import tasks as services


@require_GET
def task_list(request: PageRequest) -> HttpResponse:
    form = TaskFilterForm(request.GET, space=request.space, user=request.user)
    filters = form.filters()
    page = selectors.page(
        request.space,
        request.user,
        filters,
        before=_number(request, "before"),
        after=_number(request, "after"),
    )
    context: dict[str, Any] = {
        "form": form,
        "filters": filters,
        "page": page,
        "state": form.cleaned_data.get("state") or "",
        "groups": {key: label for key, (label, _) in STATE_GROUPS.items()},
        "may_cancel": can(request.user, Permission.CANCEL),
        "is_first": page.newer is None,
        "query": form.normal(),
        "views": selectors_of_views.own(request.space, request.user),
        "waits": why_waiting(page.tasks, now=timezone.now()),
    }
    if not htmx.is_fragment(request):
        context["offered"] = selectors.offered(request.space, request.user, filters)
    return htmx.page(request, "tasks/task_list.html", context, partial="rows")


def _number(request: PageRequest, name: str) -> int | None:
    return next(iter(parse_ids(request.GET.get(name, ""))), None)


@require_POST
def task_cancel_many(request: PageRequest) -> HttpResponse:
    """Cancels the ticked tasks that have not ended yet."""
    require(request.user, Permission.CANCEL)
    ids = parse_ids(" ".join(request.POST.getlist("task")))
    found = selectors.rows(request.space, request.user).filter(pk__in=ids, state__in=UNFINISHED)
    for task in found:
        require(request.user, Permission.CANCEL, task)
    for task in found:
        services.cancel(task, user=request.user, now=timezone.now())
    _say(request, len(found))
    return htmx.redirect(request, reverse("task_list"))


@require_POST
def task_move_to_top(request: PageRequest, pk: int) -> HttpResponse:
    """Back to where the button was: the task's page, or the list."""
    task = get_object_or_404(selectors.rows(request.space, request.user), pk=pk)
    require(request.user, Permission.CANCEL, task)
    try:
        services.move_to_top(task, user=request.user, now=timezone.now())
        messages.success(request, f"Task {pk} is first in line now.")
    except services.NotQueued as error:
        messages.warning(request, str(error))
    back = reverse("task_list") if "list" in request.POST else reverse("task_detail", args=[pk])
    return htmx.redirect(request, back)


def _say(request: PageRequest, count: int) -> None:
    if not count:
        messages.warning(request, "Nothing was cancelled: select tasks that have not ended yet.")
    else:
        messages.success(request, f"Cancelling {count} task{'s' if count > 1 else ''}.")
