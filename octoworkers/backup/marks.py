"""A restore that is under way, or was broken off: no server starts on half of an installation."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.db import connection

from octoworkers.backup.postgres import CLAIM
from octoworkers.launcher.refusal import CannotStart

_BROKEN_OFF = (
    "A restore into this installation is under way, or was broken off. If none is under way, run it again: "
    "octoworkers restore --replace FILE."
)


def _path() -> Path:
    return Path(settings.HOME) / "restoring"


def is_there() -> bool:
    return _path().exists()


def put() -> None:
    _path().write_text(str(os.getpid()))


def remove() -> None:
    _path().unlink(missing_ok=True)


def refuse() -> None:
    """Raises `CannotStart` if a restore into this home or this database has not ended."""
    if is_there() or (connection.vendor == "postgresql" and _is_claimed()):
        raise CannotStart(_BROKEN_OFF)


def _is_claimed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [CLAIM])
        row = cursor.fetchone()
    return row is not None and row[0] is not None
