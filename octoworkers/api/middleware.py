"""The addresses of the API as clients really write them, before Django looks at them.

Words in any case, with or without a slash at the end, and the space in one of three places:
/api/Spaces-1/environments, /api/spaces/default/environments, /api/environments. The router below knows
the last form alone; the space is kept as `request.api_space`, the path as it was sent as `api_path`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver

_SPACE_ID = re.compile(r"spaces-\d{1,18}", re.IGNORECASE)
_OVERRIDES = {"PUT", "DELETE", "GET"}
#: What a prefix with nothing behind it means.
HOME = "spacehome"
#: What stands at /api/spaces/{space}/… and belongs to the space itself.
OWN_PARTS = frozenset({"all"})


class ApiMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        parts = [part for part in request.path_info.split("/") if part]
        if parts[:1] and parts[0].casefold() == "api":
            _override_method(request)
            space, rest = _space_and_rest(parts[1:])
            request.api_space = space  # type: ignore[attr-defined]  # views read both
            request.api_path = request.path_info.rstrip("/")  # type: ignore[attr-defined]
            request.path_info = "/".join(["/api", *_spelled(rest)])
        return self.get_response(request)


def _override_method(request: HttpRequest) -> None:
    """Some clients can send nothing but GET and POST."""
    wanted = request.headers.get("X-HTTP-Method-Override", "").upper()
    if request.method == "POST" and wanted in _OVERRIDES:
        request.method = wanted


def _space_and_rest(parts: list[str]) -> tuple[str, list[str]]:
    if parts and _SPACE_ID.fullmatch(parts[0]):
        return parts[0], parts[1:] or [HOME]
    if len(parts) > 2 and parts[0].casefold() == "spaces" and parts[2].casefold() not in OWN_PARTS:
        return parts[1], parts[2:]
    return "", parts


def _spelled(parts: list[str]) -> list[str]:
    """Words of the router as it spells them; anything else, such as an id, as it is."""
    words = _words()
    return [words.get(part.casefold(), part) for part in parts]


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    return {word.casefold(): word for word in _literals(get_resolver().url_patterns, "")}


def _literals(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for one in patterns:
        route = f"{prefix}{one.pattern}"
        if not route.startswith("api"[: len(route)]):
            continue
        if isinstance(one, URLResolver):
            yield from _literals(one.url_patterns, route)
        else:
            yield from (word for word in route.split("/") if word and "<" not in word)
