"""The named locks of a space: who has them and who waits."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from common import htmx
from tasks.selectors.locks import locks_in_use


@require_GET
def lock_list(request: PageRequest) -> HttpResponse:
    context = {"locks": locks_in_use(request.space, request.user)}
    return htmx.page(request, "tasks/lock_list.html", context, partial="rows")
