"""Answers for pages that HTMX enhances: the same view serves a browser without script."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event
from django_htmx.middleware import HtmxDetails

ToastKind = Literal["ok", "run", "bad", "warn"]


def is_fragment(request: HttpRequest) -> bool:
    """Whether HTMX asks for a part: a boosted link or a restored history entry needs all of the page."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, partial: str, status: int = 200
) -> HttpResponse:
    """The page `template`, or only its `partial` when HTMX asks; the server picks, never the client."""
    name = f"{template}#{partial}" if is_fragment(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def invalid(
    request: HttpRequest, template: str, context: dict[str, Any], *, partial: str = ""
) -> HttpResponse:
    """The form again with its errors, as 422, which the page swaps in place."""
    return _answer(request, template, context, partial=partial, status=422)


def stale(request: HttpRequest, template: str, context: dict[str, Any], *, partial: str = "") -> HttpResponse:
    """The form again with what somebody else saved meanwhile, as 409, which the page swaps in place."""
    return _answer(request, template, context, partial=partial, status=409)


def _answer(
    request: HttpRequest, template: str, context: dict[str, Any], *, partial: str, status: int
) -> HttpResponse:
    if partial:
        return page(request, template, context, partial=partial, status=status)
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def redirect(request: HttpRequest, url: str) -> HttpResponse:
    """On to `url`: `HX-Redirect` for HTMX, 302 for a plain form."""
    if getattr(request, "htmx", None):
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)


def toast(response: HttpResponse, title: str, body: str = "", kind: ToastKind = "ok") -> HttpResponse:
    """Adds a five-second message to an answer that stays on the page; before a redirect, use `messages`."""
    return trigger_client_event(response, "octo:toast", {"title": title, "body": body, "kind": kind})
