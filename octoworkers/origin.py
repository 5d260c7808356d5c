"""Browsers send cookies with a WebSocket from any page: only our own pages may open one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


class OwnPagesOnly:
    """Refuses a socket unless its Origin is this server: PUBLIC_URL, or outside of production the
    very host that was asked, where ALLOWED_HOSTS has it."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin1") for name, value in scope["headers"]}
        if is_own(origin=headers.get(b"origin", ""), host=headers.get(b"host", "")):
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def is_own(*, origin: str, host: str) -> bool:
    if settings.PUBLIC_URL and origin.lower() == settings.PUBLIC_URL.lower():
        return True
    parts = urlsplit(origin)
    if settings.PRODUCTION or parts.scheme not in ("http", "https"):
        return False
    domain, _ = split_domain_port(host)
    return (
        parts.netloc.lower() == host.lower()
        and bool(domain)
        and validate_host(domain, settings.ALLOWED_HOSTS)
    )
