"""Parts of the sidebar that fetch themselves again."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import PageRequest
from octoworkers.selectors.server import active_tasks


@require_safe
def nav_tasks(request: PageRequest) -> HttpResponse:
    return render(request, "ui/nav_tasks.html", {"active": active_tasks(request.space, request.user)})
