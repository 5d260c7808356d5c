"""The pages of worker pools that show what happens in them; changing them is in `pools.views`."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from accounts.permissions import Permission, can
from accounts.requests import PageRequest
from common import htmx
from common.usage import uses_of
from pools.models import WorkerPool
from tasks.selectors import pools as selectors
from workers.apps import ONLY_IN
from workers.selectors.capacity import fleet

LIST, DETAIL = "pools/pool_list.html", "pools/pool_detail.html"
QUEUE_SHOWN = 50
PAGE_SIZE = 24


@require_GET
def pool_list(request: PageRequest) -> HttpResponse:
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    found = selectors.find_pools(request.user, request.space, text=text)
    filters = {"healthy": found.healthy, "attention": found.attention}
    page_obj = Paginator(filters.get(state, found.pools), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page_obj,
        "cards": selectors.cards_of(list(page_obj), loads=found.loads, paused=found.paused),
        "total": len(found.pools),
        "healthy": len(found.healthy),
        "attention": len(found.attention),
        "fleet": fleet(request.space),
        "q": text,
        "state": state if state in filters else "",
        **_rights(request),
    }
    return htmx.page(request, LIST, context, partial="board")


@require_GET
def pool_detail(request: PageRequest, slug: str) -> HttpResponse:
    visible = WorkerPool.objects.visible_to(request.user).in_space(request.space)
    pool: WorkerPool = get_object_or_404(visible, slug=slug)
    card = selectors.cards_of([pool])[0]
    queue = selectors.waiting_for(pool)
    context = {
        "pool": pool,
        "card": card,
        "machines": selectors.members(pool, card.load),
        "running": selectors.running_in(pool),
        "queue": queue[:QUEUE_SHOWN],
        "uses": [use for use in uses_of(pool) if use.kind != ONLY_IN],
        **_rights(request),
    }
    return htmx.page(request, DETAIL, context, partial="board")


def _rights(request: PageRequest) -> dict[str, bool]:
    return {
        "may_edit": can(request.user, Permission.EDIT_POOL),
        "may_add_worker": can(request.user, Permission.EDIT_WORKER),
    }
