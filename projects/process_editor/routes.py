from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from django.http import HttpResponse
from django.urls import URLPattern, path


class Route(StrEnum):
    """What an address below the editor's page is for."""

    SHOW = "show"
    STEP = "step"
    NEW = "new"
    ORDER = "order"
    PREVIEW = "preview"
    TEXT = "text"
    CHANGES = "changes"
    HISTORY = "history"
    RESTORE = "restore"
    CLONE = "clone"
    COPY_TO = "copy-to"
    DELETE = "delete"
    ENABLE = "enable"
    DISABLE = "disable"
    CHILD = "child"


def routes(prefix: str, view: Callable[..., HttpResponse], *, name: str) -> list[URLPattern]:
    """The addresses of an editor whose page is at `prefix`. Each calls `view` with the arguments that
    the prefix names, `route`, and where there is one `step` or `action_type` (slugs); the page itself
    is named `name`, a step `name`_step."""
    acts = (Route.CLONE, Route.COPY_TO, Route.DELETE, Route.ENABLE, Route.DISABLE, Route.CHILD)
    return [
        path(prefix, view, {"route": Route.SHOW}, name=name),
        path(f"{prefix}steps/<slug:step>/", view, {"route": Route.STEP}, name=f"{name}_step"),
        path(f"{prefix}new/<slug:action_type>/", view, {"route": Route.NEW}, name=f"{name}_new"),
        path(f"{prefix}order/", view, {"route": Route.ORDER}, name=f"{name}_order"),
        path(f"{prefix}preview/", view, {"route": Route.PREVIEW}, name=f"{name}_preview"),
        path(f"{prefix}text/", view, {"route": Route.TEXT}, name=f"{name}_text"),
        path(f"{prefix}history/", view, {"route": Route.HISTORY}, name=f"{name}_history"),
        path(f"{prefix}restore/", view, {"route": Route.RESTORE}, name=f"{name}_restore"),
        path(f"{prefix}changes/", view, {"route": Route.CHANGES}, name=f"{name}_changes"),
        *(
            path(f"{prefix}steps/<slug:step>/{act}/", view, {"route": act}, name=f"{name}_{act}")
            for act in acts
        ),
    ]
