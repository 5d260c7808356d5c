from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import Event, Role, User
from spaces.models import Space


def users() -> QuerySet[User]:
    return User.objects.order_by("-is_active", "username")


def events_of(
    viewer: User, space: Space, *, text: str = "", category: str = "", username: str = ""
) -> QuerySet[Event]:
    """The audit of a space with the server's own events, newest first."""
    found = Event.objects.visible_to(viewer).filter(Q(space=space) | Q(space=None))
    if text:
        found = found.filter(Q(message__icontains=text) | Q(subject_kind__icontains=text))
    if category:
        found = found.filter(category=category)
    if username:
        found = found.filter(username=username)
    return found


def event_choices(viewer: User, space: Space) -> tuple[list[str], list[str]]:
    """Categories and user names that occur in the audit of a space."""
    found = events_of(viewer, space).order_by()
    categories = sorted(found.values_list("category", flat=True).distinct())
    names = sorted(found.values_list("username", flat=True).distinct())
    return categories, names


def administrators() -> QuerySet[User]:
    """Who can change roles."""
    return User.objects.filter(Q(role=Role.ADMINISTRATOR) | Q(is_superuser=True), is_active=True)
