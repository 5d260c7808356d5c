"""GET /health/: whether a load balancer should send people and agents to this node.

It stands before everything else: it is asked by address and without encryption, by nobody who is known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from tasks.engine import node
from tasks.selectors import nodes

PATH = "/health/"

logger = logging.getLogger("octoworkers.node")


class HealthMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info != PATH:
            return self.get_response(request)
        problem = _problem()
        response = HttpResponse(
            f"{problem or 'ok'}\n", content_type="text/plain", status=503 if problem else 200
        )
        response["Cache-Control"] = "no-store"
        # Asked every few seconds; Django would log each 503 as an error.
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark
        return response


def _problem() -> str:
    try:
        return "draining" if nodes.is_draining(node.current().name) else ""
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database is not available: %s", error)
        return "database unavailable"
