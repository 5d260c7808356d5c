"""Stops and lets go on: everything, an environment, a worker pool. A pause needs a reason."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common import htmx
from environments.models import Environment
from pools.models import WorkerPool
from tasks.models import PauseMode
from tasks.pause_form import PauseForm
from tasks.selectors import pauses as selectors
from tasks.selectors.pauses import Scope
from tasks.services import pauses

PAGE, MODAL = "tasks/pause.html", "tasks/_pause_modal.html"
FORM = "tasks/_pause_form.html"


@dataclass(frozen=True)
class _Target:
    """What is to be paused: `name` goes on in a sentence, `back` is where it is shown."""

    scope: Scope
    name: str
    back: str
    url: str
    consequence: str


def _everything() -> _Target:
    return _Target(
        scope=None,
        name="everything",
        back=reverse("task_list"),
        url=reverse("pause_everything"),
        consequence="No task starts on this server, in any space, until somebody resumes it. "
        "Tasks can still be queued.",
    )


def _environment(request: PageRequest, slug: str) -> _Target:
    found = Environment.objects.visible_to(request.user).in_space(request.space)
    environment: Environment = get_object_or_404(found, slug=slug)
    return _Target(
        scope=environment,
        name=environment.name,
        back=reverse("environment_list"),
        url=reverse("environment_pause", args=[slug]),
        consequence="No task starts in this environment until somebody resumes it. "
        "Tasks can still be queued.",
    )


def _pool(request: PageRequest, slug: str) -> _Target:
    found = WorkerPool.objects.visible_to(request.user).in_space(request.space)
    pool: WorkerPool = get_object_or_404(found, slug=slug)
    return _Target(
        scope=pool,
        name=pool.name,
        back=reverse("pool_detail", args=[slug]),
        url=reverse("pool_pause", args=[slug]),
        consequence="No task that needs this pool starts until somebody resumes it. "
        "Tasks can still be queued.",
    )


@require_http_methods(["GET", "POST"])
def pause_everything(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_SERVER)
    return _pause(request, _everything())


@require_POST
def resume_everything(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_SERVER)
    return _resume(request, _everything())


@require_http_methods(["GET", "POST"])
def environment_pause(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    return _pause(request, _environment(request, slug))


@require_POST
def environment_resume(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_ENVIRONMENT)
    return _resume(request, _environment(request, slug))


@require_http_methods(["GET", "POST"])
def pool_pause(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_POOL)
    return _pause(request, _pool(request, slug))


@require_POST
def pool_resume(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_POOL)
    return _resume(request, _pool(request, slug))


def _pause(request: PageRequest, target: _Target) -> HttpResponse:
    """GET: the page, or for HTMX a dialog. POST: the pause."""
    standing = selectors.standing(target.scope)
    initial = {"mode": standing.mode, "reason": standing.reason} if standing else None
    form = PauseForm(request.POST or None, initial=initial)
    if form.is_valid():
        mode, reason = PauseMode(form.cleaned_data["mode"]), form.cleaned_data["reason"]
        pauses.pause(target.scope, mode=mode, reason=reason, user=request.user, now=timezone.now())
        did = "Paused" if mode == PauseMode.PAUSE else "Draining"
        messages.success(request, f"{did} {target.name}.")
        return htmx.redirect(request, target.back)
    context = {"form": form, "target": target, "standing": standing}
    status = 422 if form.is_bound else 200
    template = (FORM if form.is_bound else MODAL) if htmx.is_fragment(request) else PAGE
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _resume(request: PageRequest, target: _Target) -> HttpResponse:
    pauses.resume(target.scope, user=request.user)
    messages.success(request, f"{target.name[:1].upper()}{target.name[1:]} goes on.")
    return htmx.redirect(request, target.back)
