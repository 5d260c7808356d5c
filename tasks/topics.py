"""Who may hear of what: each live topic and the question that its subscriber has to pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts.models import User
from accounts.permissions import Permission, can
from pools.models import WorkerPool
from spaces.models import Space, SpaceOwned
from tasks.models import ServerTask
from workers.models import EnrolmentCode, Machine

LISTS = frozenset({"pools", "workers", "tasks"})
ROWS: dict[str, tuple[type[SpaceOwned], Permission]] = {
    "pool": (WorkerPool, Permission.VIEW),
    "worker": (Machine, Permission.VIEW),
    "task": (ServerTask, Permission.VIEW),
    "log": (ServerTask, Permission.VIEW),
    "enrolment": (EnrolmentCode, Permission.EDIT_WORKER),
}
_ROW_TOPIC = re.compile(r"^(?P<kind>[a-z]+)-(?P<pk>[0-9]{1,18})$")


def may_hear(user: User, space: Space, topic: str) -> bool:
    """Whether this user may be told that this topic of this space changed."""
    if topic in LISTS:
        return can(user, Permission.VIEW)
    found = _ROW_TOPIC.match(topic)
    if not found or found["kind"] not in ROWS:
        return False
    model, permission = ROWS[found["kind"]]
    row = model.objects.visible_to(user).in_space(space).filter(pk=int(found["pk"])).first()
    return row is not None and can(user, permission, row)


def signed_in(sessions: Callable[[str], SessionBase], session_key: str) -> User | None:
    """The user of a session as it stands now: None once it ended, the password changed, or the
    user was deactivated."""
    if not session_key:
        return None
    request: Any = HttpRequest()
    request.session = sessions(session_key)
    user = get_user(request)
    return user if user.is_authenticated and user.is_active else None
