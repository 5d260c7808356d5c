"""What every page needs around it. Looked up only when a template asks, so that a partial costs nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.urls import get_script_prefix
from django.utils.functional import cached_property

from octoworkers.selectors.navigation import Group, SpaceLink, groups, space_links
from octoworkers.selectors.server import Counts, Server, counts
from spaces.models import Space

THEMES = ("light", "dark")


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}


class Shell:
    """A stranger, and an address without a space, get no navigation: their pages are bare."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def theme(self) -> str:
        """Empty for the system's own."""
        theme = self._request.COOKIES.get("theme", "")
        return theme if theme in THEMES else ""

    @property
    def space(self) -> Space | None:
        return getattr(self._request, "space", None)

    @property
    def _is_known(self) -> bool:
        user = getattr(self._request, "user", None)
        return self.space is not None and user is not None and user.is_authenticated

    @cached_property
    def nav(self) -> list[Group]:
        if not self._is_known:
            return []
        return groups(self._user, self._counts, path=self._request.path)

    @cached_property
    def spaces(self) -> list[SpaceLink]:
        if not self._is_known:
            return []
        return space_links(self._user, self.space, prefix=get_script_prefix())

    @cached_property
    def server(self) -> Server:
        agents = self._counts.connected if self._is_known else 0
        return Server(name=self._name(), version=settings.SERVER_VERSION, agents=agents)

    @property
    def _user(self) -> Any:
        return self._request.user

    @cached_property
    def _counts(self) -> Counts:
        return counts(self.space, self._user)

    def _name(self) -> str:
        if settings.PUBLIC_URL:
            return urlsplit(settings.PUBLIC_URL).netloc
        try:
            return self._request.get_host()
        except DisallowedHost:
            return ""
