from __future__ import annotations

from django.http import JsonResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from accounts.requests import PageRequest
from octoworkers.selectors.search import search


@require_safe
def find(request: PageRequest) -> JsonResponse:
    """`{"results": [{"label", "kind", "url"}]}` for `?q=`, at most twenty, the best first."""
    found = search(request.space, request.user, request.GET.get("q", ""))
    rows = [{"label": one.label, "kind": one.kind, "url": one.url} for one in found]
    response = JsonResponse({"results": rows})
    patch_cache_control(response, private=True, no_store=True)
    return response
