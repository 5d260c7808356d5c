"""WebSockets. Browsers have one under each space's prefix."""

from __future__ import annotations

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import re_path

from octoworkers.origin import OwnPagesOnly
from tasks.agent_channel import AgentConsumer
from tasks.consumers import LiveConsumer

websockets = URLRouter(
    [
        # Agents prove themselves by key; no browser's cookie or origin means anything here.
        re_path(r"^agent/ws/$", AgentConsumer.as_asgi()),
        re_path(
            r"^(?:s/(?P<space>[-\w]+)/)?ws/live/$",
            OwnPagesOnly(CookieMiddleware(LiveConsumer.as_asgi())),
        ),
    ]
)
