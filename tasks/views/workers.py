"""The page of one worker, which shows what it runs; changing it is in `workers.views`."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from accounts.permissions import Permission, can
from accounts.requests import PageRequest
from common import htmx
from tasks.selectors.workers import recent_on, running_on
from workers.models import Machine
from workers.selectors import capabilities
from workers.selectors import machines as selectors

DETAIL = "workers/worker_detail.html"


@require_GET
def worker_detail(request: PageRequest, slug: str) -> HttpResponse:
    machine: Machine = get_object_or_404(selectors.machines(request.user, request.space), slug=slug)
    context = {
        "machine": machine,
        "found": capabilities.read(machine.capabilities),
        "running": running_on(machine),
        "recent": recent_on(machine),
        "may_edit": can(request.user, Permission.EDIT_WORKER),
    }
    return htmx.page(request, DETAIL, context, partial="board")
