"""Who asks: an API key in either header, or the session of the pages with its CSRF token."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User
from accounts.services import api_keys

HEADER = "X-Octopus-ApiKey"


class ApiKeyAuthentication(BaseAuthentication):
    """`request.auth` is the key. An empty header is what some clients send without a key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        text = request.headers.get(HEADER, "").strip() or _bearer(request)
        if not text:
            return None
        key = api_keys.find(text, now=timezone.now())
        if key is None:
            raise AuthenticationFailed("The API key is not valid: unknown, expired or revoked.")
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        # Without it DRF would answer 403.
        return 'Bearer realm="octoworkers"'


def _bearer(request: Request) -> str:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.casefold() == "bearer" else ""


class PageSession(SessionAuthentication):
    """The browser of somebody who is signed in; whatever acts needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated or not user.is_active:
            return None
        self.enforce_csrf(request)
        return user, None
