from __future__ import annotations

from datetime import UTC, datetime

from django.http import JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from tasks.selectors import news

#: The year 3000, in milliseconds since the epoch.
_LATEST = 32_503_680_000_000


@require_GET
def task_news(request: PageRequest) -> JsonResponse:
    """{at, open, news: [{id, title, words, kind, url}]} of the reader's own runs after `since` (what an
    earlier answer gave as `at`); without it nothing is news yet."""
    now = timezone.now()
    found = news.since(request.space, request.user, _since(request, now))
    answer = {
        "at": int(now.timestamp() * 1000),
        "open": news.unfinished(request.space, request.user),
        "news": [
            {
                "id": one.task.pk,
                "title": f"{one.task.name} in {one.task.environment}",
                "words": one.words,
                "kind": one.kind,
                "url": reverse("task_detail", args=[one.task.pk]),
            }
            for one in found
        ],
    }
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


def _since(request: PageRequest, now: datetime) -> datetime:
    """Now for what is no moment of the past."""
    text = request.GET.get("since", "")
    if not text.isdecimal() or len(text) > 15 or int(text) > _LATEST:
        return now
    return min(datetime.fromtimestamp(int(text) / 1000, UTC), now)
