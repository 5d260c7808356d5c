"""Every page is for those who are signed in, unless its view says otherwise."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Sends strangers to the sign-in page; but a part of a page, asked for by HTMX after the session is
    over, gets 401, or the page to sign in would be swapped in where the part was."""

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        refusal = super().process_view(request, *view)
        if refusal is not None and _is_part(request):
            return HttpResponse(status=401)
        return refusal


def _is_part(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers
