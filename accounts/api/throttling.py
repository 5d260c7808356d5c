"""So many requests a minute per key, counted over all nodes. Answers say what is left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.addresses import client_address
from common import counting

WINDOW = 60


@dataclass(frozen=True)
class Rate:
    """What is left of the window; `reset` in seconds."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class KeyThrottle(BaseThrottle):
    """Counts a key, a session's user, or the address of a stranger."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if getattr(request._request, "is_within", False):
            return True  # a part of a request that was counted
        now = time.time()
        window = int(now // WINDOW)
        limit: int = settings.API_RATE
        used = counting.add(f"api-rate:{_who(request)}:{window}", WINDOW * 2)
        reset = max(1, round((window + 1) * WINDOW - now))
        self.rate = Rate(limit, max(0, limit - used), reset)
        request._request.api_rate = self.rate  # type: ignore[attr-defined]  # the view's answer says it
        return used <= limit

    def wait(self) -> float:
        return float(self.rate.reset)


def _who(request: Request) -> str:
    if request.auth is not None:
        return f"key-{request.auth.pk}"
    if getattr(request.user, "pk", None):
        return f"user-{request.user.pk}"
    return sha256(client_address(request._request).encode()).hexdigest()[:32]
