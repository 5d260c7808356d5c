"""The one question that every act asks: `can(user, permission, object)`.

Roles are server-wide for now; a scope on teams narrows the answer here, and nowhere else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.core.exceptions import PermissionDenied

from accounts.models import Role


class Permission(StrEnum):
    VIEW = "view everything"
    RUN = "run runbooks and deployments"
    CANCEL = "cancel tasks"
    RUN_DRAFT = "run drafts"
    EDIT_PROJECT = "edit projects, processes and variables"
    CREATE_RELEASE = "create releases"
    EDIT_ENVIRONMENT = "edit environments"
    EDIT_TENANT = "edit tenants and tag sets"
    EDIT_POOL = "edit worker pools"
    USE_POOL = "use worker pools in processes and variables"
    EDIT_CREDENTIAL = "edit accounts and certificates"
    USE_CREDENTIAL = "use accounts and certificates in variables"
    EDIT_WORKER = "add and edit workers"
    PUSH_PACKAGE = "push packages"
    EDIT_FEED = "replace and delete packages"
    EDIT_SPACE = "edit spaces"
    EDIT_USER = "edit users"
    EDIT_SERVER = "edit the server's settings"
    VIEW_AUDIT = "view the audit"


_VIEWER = frozenset({Permission.VIEW})
_OPERATOR = _VIEWER | {Permission.RUN, Permission.CANCEL}
_EDITOR = _OPERATOR | {
    Permission.RUN_DRAFT,
    Permission.EDIT_PROJECT,
    Permission.CREATE_RELEASE,
    Permission.EDIT_ENVIRONMENT,
    Permission.EDIT_TENANT,
    Permission.USE_POOL,
    Permission.USE_CREDENTIAL,
    Permission.PUSH_PACKAGE,
    Permission.VIEW_AUDIT,
}
GRANTS: dict[str, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.EDITOR: _EDITOR,
    Role.ADMINISTRATOR: frozenset(Permission),
}


class NotAllowed(PermissionDenied):
    """Carries the missing permission, so that the error page can name it and who grants it."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(f"You need the right to {permission.value}.")
        self.permission = permission


def can(user: Any, permission: Permission, obj: object = None) -> bool:
    """Whether this user may do this (to this object, where one is given)."""
    if not getattr(user, "is_active", False) or not getattr(user, "is_authenticated", False):
        return False
    return user.is_superuser or permission in GRANTS.get(user.role, frozenset())


def require(user: Any, permission: Permission, obj: object = None) -> None:
    """Raises `NotAllowed` unless `can`."""
    if not can(user, permission, obj):
        raise NotAllowed(permission)
