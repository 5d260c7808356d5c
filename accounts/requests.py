from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from spaces.models import Space


class PageRequest(HttpRequest):
    """What a view of a page gets: somebody is signed in, the space is known. Never built, only named."""

    user: User
    space: Space
    htmx: HtmxDetails
