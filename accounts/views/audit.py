from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts import selectors
from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common import htmx

PER_PAGE = 50


@require_GET
def audit(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.VIEW_AUDIT)
    text = request.GET.get("q", "").strip()
    category, username = request.GET.get("category", ""), request.GET.get("user", "")
    found = selectors.events_of(request.user, request.space, text=text, category=category, username=username)
    categories, names = selectors.event_choices(request.user, request.space)
    context = {
        "page_obj": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "categories": categories,
        "usernames": names,
        "q": text,
        "category": category,
        "username": username,
        "is_filtered": bool(text or category or username),
    }
    return htmx.page(request, "accounts/audit.html", context, partial="rows")
