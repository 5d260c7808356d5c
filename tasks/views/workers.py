"""The page of one worker or deployment target, which shows what it runs; changing it is in
`workers.views`."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.permissions import Permission, can
from accounts.requests import PageRequest
from common import htmx
from tasks.selectors.workers import recent_on, running_on
from workers.models import Machine
from workers.selectors import capabilities
from workers.selectors import machines as selectors
from workers.selectors.targets import targets

DETAIL = "workers/worker_detail.html"


@require_GET
def worker_detail(request: PageRequest, slug: str) -> HttpResponse:
    machine: Machine = get_object_or_404(selectors.machines(request.user, request.space), slug=slug)
    return _page(request, machine, is_target_page=False)


@require_GET
def target_detail(request: PageRequest, slug: str) -> HttpResponse:
    machine: Machine = get_object_or_404(targets(request.user, request.space), slug=slug)
    return _page(request, machine, is_target_page=True)


def _page(request: PageRequest, machine: Machine, *, is_target_page: bool) -> HttpResponse:
    """The same machine has both pages where it is both; they differ in what is done there."""
    context = {
        "machine": machine,
        "is_target_page": is_target_page,
        "environments": list(machine.environments.all()),
        "urls": _urls(machine, "target" if is_target_page else "worker"),
        "found": capabilities.read(machine.capabilities),
        "running": running_on(machine),
        "recent": recent_on(machine),
        "may_edit": can(request.user, Permission.EDIT_WORKER),
    }
    return htmx.page(request, DETAIL, context, partial="board")


def _urls(machine: Machine, noun: str) -> dict[str, str]:
    acts = ("edit", "action", "delete")
    return {act: reverse(f"{noun}_{act}", args=[machine.slug]) for act in acts}
