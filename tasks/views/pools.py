"""The pages of worker pools that show what happens in them; changing them is in `pools.views`."""

from __future__ import annotations

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
FILTERS = ("healthy", "attention")


@require_GET
def pool_list(request: PageRequest) -> HttpResponse:
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    cards = selectors.pool_cards(request.user, request.space, text=text)
    healthy = [card for card in cards if card.health.is_fine]
    attention = [card for card in cards if not card.health.is_fine]
    shown = {"healthy": healthy, "attention": attention}.get(state, cards)
    context = {
        "cards": shown,
        "total": len(cards),
        "healthy": len(healthy),
        "attention": len(attention),
        "fleet": fleet(request.space),
        "q": text,
        "state": state if state in FILTERS else "",
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
