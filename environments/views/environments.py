from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx, ordering
from common.deletion import Deletion, delete_page
from environments.forms import EnvironmentForm
from environments.models import Environment
from environments.services import environments

LIST, FORM = "environments/environment_list.html", "environments/environment_form.html"


def _rows(request: PageRequest) -> QuerySet[Environment]:
    return Environment.objects.visible_to(request.user).in_space(request.space)


@require_GET
def environment_list(request: PageRequest) -> HttpResponse:
    return _list(request)


def _list(request: PageRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    context = {
        "environments": _rows(request),
        "may_edit": can(request.user, Permission.EDIT_ENVIRONMENT),
        "problem": problem,
    }
    return htmx.page(request, LIST, context, partial="rows", status=status)


@require_POST
def environment_reorder(request: PageRequest) -> HttpResponse:
    """The ids in their order as drawn, and the button that was pressed where there is no script."""
    require(request.user, Permission.EDIT_ENVIRONMENT)
    try:
        ids = ordering.posted_order(request.POST)
        environments.reorder(space=request.space, ids=ids, user=request.user)
    except ordering.StaleOrder as stale:
        return _list(request, problem=str(stale), status=409)
    return (
        _list(request) if htmx.is_fragment(request) else htmx.redirect(request, reverse("environment_list"))
    )


@require_http_methods(["GET", "POST"])
def environment_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    next_hue = _rows(request).count() % 6 + 1
    form = EnvironmentForm(request.POST or None, space=request.space, initial={"hue": next_hue})
    if not form.is_valid():
        return _form(request, form)
    created = environments.create(space=request.space, user=request.user, **form.cleaned_data)
    messages.success(request, f"Created environment {created}.")
    return htmx.redirect(request, reverse("environment_list"))


@require_http_methods(["GET", "POST"])
def environment_edit(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    environment = get_object_or_404(_rows(request), slug=slug)
    form = EnvironmentForm(request.POST or None, space=request.space, instance=environment)
    if not form.is_valid():
        return _form(request, form)
    environments.edit(environment, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved environment {environment}.")
    return htmx.redirect(request, reverse("environment_list"))


def _form(request: PageRequest, form: EnvironmentForm) -> HttpResponse:
    context = {"form": form, "environment": form.instance}
    return render(request, FORM, context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def environment_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    environment = get_object_or_404(_rows(request), slug=slug)
    listing = reverse("environment_list")
    deletion = Deletion(
        subject=environment,
        noun="environment",
        consequence="Nothing can be run there any more. This cannot be undone.",
        act=partial(environments.delete, environment, user=request.user),
        back=reverse("environment_edit", args=[slug]),
        done=listing,
        section=("Environments", listing),
    )
    return delete_page(request, deletion)
