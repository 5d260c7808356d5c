"""One's own API keys: made, shown once, revoked."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import ApiKeyForm
from accounts.models import ApiKey
from accounts.requests import PageRequest
from accounts.services import api_keys
from common import htmx

TEMPLATE = "accounts/api_keys.html"


@require_http_methods(["GET", "POST"])
def api_key_list(request: PageRequest) -> HttpResponse:
    """The new key stands on the page that answers, and nowhere else."""
    form = ApiKeyForm(request.POST or None)
    if not form.is_valid():
        return _page(request, form, status=422 if form.is_bound else 200)
    days = form.cleaned_data["days"]
    key, text = api_keys.create(
        owner=request.user,
        purpose=form.cleaned_data["purpose"],
        now=timezone.now(),
        lifetime=timedelta(days=days) if days else None,
        user=request.user,
    )
    response = _page(request, ApiKeyForm(), made=key, text=text)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def api_key_action(request: PageRequest, pk: int) -> HttpResponse:
    """Revokes it."""
    key = get_object_or_404(ApiKey.objects.filter(user=request.user), pk=pk)
    api_keys.revoke(key, now=timezone.now(), user=request.user)
    messages.success(request, f"Revoked the API key {key}.")
    return htmx.redirect(request, reverse("api_key_list"))


def _page(
    request: PageRequest, form: ApiKeyForm, *, made: ApiKey | None = None, text: str = "", status: int = 200
) -> HttpResponse:
    keys = ApiKey.objects.filter(user=request.user, revoked_at=None)
    context = {"form": form, "keys": keys, "made": made, "text": text, "now": timezone.now()}
    return render(request, TEMPLATE, context, status=status)
