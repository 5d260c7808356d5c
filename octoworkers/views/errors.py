"""The answers when something is wrong: a page in the shell, or JSON under /api/."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts.models import User
from accounts.permissions import NotAllowed
from accounts.selectors import administrators
from common.api import errors

log = logging.getLogger("octoworkers.errors")

API_PREFIX = "/api/"
#: How many administrators are named to somebody who lacks a right.
NAMED = 3


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _json("The request could not be read.", 400)
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Names the missing right, and to those who are signed in also who can grant it."""
    if _is_api(request):
        return _json(str(exception) or "Your role does not allow it.", 403)
    context = {"missing": _missing(exception), "grantors": _grantors(request)}
    return render(request, "403.html", context, status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _json("There is nothing at this address: not found.", 404)
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """With a number to quote, under which the log has the details."""
    error_id = secrets.token_hex(4)
    log.error("Error %s: %s %s", error_id, request.method, request.path, exc_info=True)
    if _is_api(request):
        return _json(f"The server met an error. Quote {error_id} when you report it.", 500)
    context = {"error_id": error_id}
    try:
        return render(request, "octoworkers/server_error.html", context, status=500)
    except Exception:
        # The shell asks the database, which may be the very thing that broke.
        log.exception("Error %s has no page in the shell.", error_id)
        return render(None, "500.html", context, status=500)  # type: ignore[arg-type]


def _is_api(request: HttpRequest) -> bool:
    return f"{request.path_info}/".startswith(API_PREFIX)


def _json(message: str, status: int) -> JsonResponse:
    return JsonResponse(errors.body(message), status=status)


def _missing(exception: Exception) -> str:
    return exception.permission.value if isinstance(exception, NotAllowed) else ""


def _grantors(request: HttpRequest) -> list[User]:
    user: Any = getattr(request, "user", AnonymousUser())
    return list(administrators()[:NAMED]) if user.is_authenticated else []
