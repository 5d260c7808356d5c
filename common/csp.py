"""Security headers of every response, with a fresh Content-Security-Policy nonce per request."""

import secrets
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

ADMIN_PREFIX = "/admin/"

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    # The nonce lets the code editor insert its own style sheet; nothing else may.
    "style-src": "'self' 'nonce-{nonce}'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}

# The Django admin's widgets set style attributes; its scripts are files of this server too.
ADMIN_POLICY = POLICY | {"style-src": "'self' 'unsafe-inline'"}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def policy(*, path: str, nonce: str) -> str:
    """The Content-Security-Policy for a request to `path` (without the script prefix)."""
    directives = ADMIN_POLICY if path.startswith(ADMIN_PREFIX) else POLICY
    return "; ".join(f"{name} {sources.format(nonce=nonce)}" for name, sources in directives.items())


def _protect(request: HttpRequest, response: HttpResponseBase, nonce: str) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", policy(path=request.path_info, nonce=nonce))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


class ContentSecurityPolicyMiddleware:
    """Sets `request.csp_nonce` for templates, then the headers; a view's own header wins."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Sync | Async) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        nonce = request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]  # templates read it
        if iscoroutinefunction(self.get_response):
            return self._answer_later(request, nonce)
        return _protect(request, cast(Sync, self.get_response)(request), nonce)

    async def _answer_later(self, request: HttpRequest, nonce: str) -> HttpResponseBase:
        return _protect(request, await cast(Async, self.get_response)(request), nonce)
