"""Pages live under / for the default space and under /s/<slug>/ for the others.

The prefix is taken off the path and set as the script prefix, so that `reverse()` gives addresses
of the same space by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from spaces import selectors

_PREFIX = re.compile(r"^/s/(?P<slug>[-\w]+)(?P<rest>/.*)$")


class SpaceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = _PREFIX.match(request.path_info)
        if not found:
            request.space = selectors.default_space()  # type: ignore[attr-defined]
            return self.get_response(request)
        space = selectors.by_slug(found["slug"])
        if space is None:
            raise Http404("There is no such space.")
        request.space = space  # type: ignore[attr-defined]
        prefix = f"/s/{space.slug}"
        request.path_info = found["rest"]
        request.META["SCRIPT_NAME"] = request.META.get("SCRIPT_NAME", "") + prefix
        outside = get_script_prefix()
        set_script_prefix(f"{request.META['SCRIPT_NAME']}/")
        try:
            return self.get_response(request)
        finally:
            # Whatever this thread does next may be about another space.
            set_script_prefix(outside)
