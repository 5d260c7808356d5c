"""People who sign in. A server always keeps one active administrator."""

from __future__ import annotations

from django.db import transaction

from accounts.models import Role, User
from accounts.services import events


class LastAdministrator(Exception):
    """Refused: nobody would be left who can manage this server."""

    def __init__(self) -> None:
        super().__init__("This is the last active administrator. Make somebody else one first.")


@transaction.atomic
def create(
    *,
    username: str,
    password: str,
    role: str = Role.VIEWER,
    display_name: str = "",
    email: str = "",
    user: User | None = None,
) -> User:
    """Raises IntegrityError where the user name is taken. The password is checked by the form."""
    created = User(username=username, role=role, display_name=display_name, email=email)
    created.is_staff = role == Role.ADMINISTRATOR
    created.set_password(password)
    created.save()
    _record(created, user=user, category="Created", message=f"Created user {username} as {role}.")
    return created


@transaction.atomic
def edit(
    target: User, *, role: str, display_name: str, email: str, is_active: bool, user: User | None
) -> User:
    """Raises `LastAdministrator`."""
    if role != Role.ADMINISTRATOR or not is_active:
        _keep_an_administrator(target)
    target.role, target.display_name, target.email, target.is_active = role, display_name, email, is_active
    # The Django admin is for administrators; what they may do there is asked of `can` all the same.
    target.is_staff = target.is_superuser or role == Role.ADMINISTRATOR
    target.save(update_fields=["role", "display_name", "email", "is_active", "is_staff"])
    state = "" if is_active else ", inactive"
    message = f"Changed user {target.username}: {role}{state}."
    _record(target, user=user, category="Modified", message=message)
    return target


@transaction.atomic
def set_password(target: User, *, password: str, user: User | None) -> None:
    """Ends the person's sessions elsewhere, since sessions hold a digest of the password."""
    target.set_password(password)
    target.save(update_fields=["password"])
    whose = "their own password" if user == target else f"the password of {target.username}"
    _record(target, user=user, category="Modified", message=f"Changed {whose}.")


def edit_own(target: User, *, display_name: str, single_key_shortcuts: bool) -> None:
    target.display_name, target.single_key_shortcuts = display_name, single_key_shortcuts
    target.save(update_fields=["display_name", "single_key_shortcuts"])


def _keep_an_administrator(target: User) -> None:
    administrators = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True)
    remaining = [person for person in administrators if person.pk != target.pk]
    if target.role == Role.ADMINISTRATOR and target.is_active and not remaining:
        raise LastAdministrator


def _record(target: User, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=target, message=message)
