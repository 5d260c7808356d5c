"""What happens before the server starts: settings, database, default space, and on first start the
administrator and the demo."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction

from octoworkers.backup import marks
from octoworkers.launcher import checks, lock
from octoworkers.launcher.options import Options
from octoworkers.launcher.refusal import CannotStart

ADMINISTRATOR = "admin"
#: Without letters and digits that are mistaken for one another when they are typed off a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class FirstSignIn:
    """Shown once and kept nowhere but as a hash."""

    username: str
    password: str


def set_up_django() -> None:
    """Raises `CannotStart` for settings that cannot be used."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "octoworkers.settings")
    try:
        django.setup()
    except (ImproperlyConfigured, ValueError) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(f"{error.filename} cannot be used: {error.strerror}.") from error


def check() -> None:
    """Raises `CannotStart` if the database or Redis does not answer, if a restore has not ended, or if the
    database is that of a newer version."""
    checks.database()
    marks.refuse()
    checks.not_newer()
    checks.redis()


def refuse_unmigrated() -> None:
    """Raises `CannotStart` if the database is behind this version."""
    if checks.has_pending_migrations():
        raise CannotStart("The database is behind this version: run octoworkers migrate first.")


def lock_sqlite() -> IO[str] | None:
    """Keeps other servers off an SQLite file; None for another database. Raises `CannotStart`."""
    if connection.vendor != "sqlite":
        return None
    return lock.take_database(Path(connection.settings_dict["NAME"]))


def migrate() -> bool:
    """Brings the database up to this version; False where there was nothing to do."""
    if not checks.has_pending_migrations():
        return False
    call_command("migrate", interactive=False, verbosity=0)
    return True


def install(options: Options) -> FirstSignIn | None:
    """The default space; on first start also the administrator, whose sign-in is returned, and the demo."""
    from accounts.models import Role, User  # noqa: PLC0415  # models load after `set_up_django`
    from accounts.services import users  # noqa: PLC0415
    from octoworkers.demo.seed import seed  # noqa: PLC0415
    from octoworkers.services import spaces  # noqa: PLC0415

    space = spaces.install()
    if User.objects.exists():
        return None
    # Together or not at all: a first start that is broken off is a first start again.
    with transaction.atomic():
        password = generated_password()
        user = users.create(username=ADMINISTRATOR, password=password, role=Role.ADMINISTRATOR)
        if options.demo:
            seed(space=space, user=user, folder=options.home / "demo")
    return FirstSignIn(ADMINISTRATOR, password)


def generated_password() -> str:
    """Twenty characters in four groups, 99 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
