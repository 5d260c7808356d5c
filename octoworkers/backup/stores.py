"""The database, as something that can be written to a file and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from django.db import connection


class Store(Protocol):
    """`engine` as the manifest names it, `member` is its name in the archive."""

    engine: str
    member: str

    def dump(self, target: Path) -> None:
        """Writes a consistent copy while others write. Raises `CannotBackUp`."""

    def is_empty(self) -> bool:
        """Whether there is nothing that a restore would replace."""

    def claim(self) -> None:
        """Keeps servers from starting, and refuses where one uses the database. Raises `CannotRestore`."""

    def unclaim(self) -> None:
        """Takes back `claim`."""

    def load(self, source: Path, *, finish: Callable[[], None]) -> None:
        """Replaces everything by the copy, and has `finish` complete it. Raises `CannotRestore`, and then
        the database is as it was."""


def store() -> Store:
    """That of the settings."""
    from octoworkers.backup.postgres import PostgresStore  # noqa: PLC0415
    from octoworkers.backup.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore() if connection.vendor == "sqlite" else PostgresStore()
