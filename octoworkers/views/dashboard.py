from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.permissions import Permission, can
from accounts.requests import PageRequest
from common.htmx import is_fragment, page
from octoworkers.selectors.dashboard import Choice, Runs, dashboard
from octoworkers.selectors.periods import PERIODS
from octoworkers.views.figures import figures

TEMPLATE = "octoworkers/dashboard.html"


@require_safe
def show(request: PageRequest) -> HttpResponse:
    choice = Choice.of(request.GET.dict())
    found = dashboard(request.space, request.user, choice, now=timezone.now())
    context = {
        "board": found,
        "choice": choice,
        "figures": figures(found.history),
        "periods": PERIODS.values(),
        "run_filters": list(Runs),
        "may_run": can(request.user, Permission.RUN),
        "may_release": can(request.user, Permission.CREATE_RELEASE),
        "is_fragment": is_fragment(request),
    }
    return page(request, TEMPLATE, context, partial="live")
