"""Lifecycles: the list, and making, changing and deleting one."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from common.usage import uses_of
from environments.lifecycle_forms import LifecycleForm, Phases
from environments.models import Environment, Lifecycle
from environments.services import lifecycles

LIST, FORM = "environments/lifecycle_list.html", "environments/lifecycle_form.html"


def _rows(request: PageRequest) -> QuerySet[Lifecycle]:
    rows = Lifecycle.objects.visible_to(request.user).in_space(request.space)
    return rows.prefetch_related("phases__environments")


@require_GET
def lifecycle_list(request: PageRequest) -> HttpResponse:
    context = {"lifecycles": _rows(request), "may_edit": can(request.user, Permission.EDIT_ENVIRONMENT)}
    return render(request, LIST, context)


@require_http_methods(["GET", "POST"])
def lifecycle_create(request: PageRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
def lifecycle_edit(request: PageRequest, slug: str) -> HttpResponse:
    return _edit(request, get_object_or_404(_rows(request), slug=slug))


@require_http_methods(["GET", "POST"])
def lifecycle_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    lifecycle = get_object_or_404(_rows(request), slug=slug)
    listing = reverse("lifecycle_list")
    deletion = Deletion(
        subject=lifecycle,
        noun="lifecycle",
        consequence="No project can follow it any more. This cannot be undone.",
        act=partial(lifecycles.delete, lifecycle, user=request.user),
        back=reverse("lifecycle_edit", args=[slug]),
        done=listing,
        section=("Lifecycles", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _edit(request: PageRequest, lifecycle: Lifecycle | None) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    data = request.POST or None
    environments = Environment.objects.visible_to(request.user).in_space(request.space)
    form = LifecycleForm(data, space=request.space, instance=lifecycle)
    phases = Phases(environments, list(lifecycle.phases.all()) if lifecycle else [], data)
    if data is None or not all([form.is_valid(), phases.is_valid()]):
        context = {
            "form": form,
            "lifecycle": lifecycle,
            "phases": phases,
            "has_environments": environments.exists(),
            "uses": uses_of(lifecycle) if lifecycle else [],
        }
        return render(request, FORM, context, status=422 if form.is_bound else 200)
    if lifecycle is None:
        lifecycle = lifecycles.create(
            space=request.space, phases=phases.fields(), user=request.user, **form.cleaned_data
        )
    else:
        lifecycles.edit(lifecycle, phases=phases.fields(), user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved lifecycle {lifecycle}.")
    return htmx.redirect(request, reverse("lifecycle_list"))
