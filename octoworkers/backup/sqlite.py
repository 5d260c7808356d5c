"""SQLite: its own online backup, and a file that takes the other's place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO

from django.db import connection

from octoworkers.backup.refusal import CannotBackUp, CannotRestore
from octoworkers.launcher import lock
from octoworkers.launcher.refusal import CannotStart

#: Milliseconds that somebody else may hold the database.
_PATIENCE = 3000
_SIDE_FILES = ("-wal", "-shm", "-journal")


class SqliteStore:
    engine = "sqlite"
    member = "database.sqlite3"

    def __init__(self) -> None:
        self._path = Path(connection.settings_dict["NAME"])
        self._lock: IO[str] | None = None

    def dump(self, target: Path) -> None:
        try:
            with (
                closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True)) as source,
                closing(sqlite3.connect(target)) as copy,
            ):
                # All pages in one go: the copy is of one moment, and with WAL nobody waits for it.
                source.backup(copy)
        except sqlite3.Error as error:
            raise CannotBackUp(f"The database {self._path} cannot be copied: {error}.") from error

    def is_empty(self) -> bool:
        return not self._path.exists() or self._path.stat().st_size == 0

    def claim(self) -> None:
        """Leaving WAL needs the file for oneself, and leaves one file instead of three."""
        connection.close()
        try:
            self._lock = lock.take_database(self._path)
        except CannotStart as error:
            raise self._in_use("a server holds its lock") from error
        if self.is_empty():
            return
        try:
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE / 1000)) as mine:
                mine.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.OperationalError as error:
            raise self._in_use(str(error)) from error
        except sqlite3.DatabaseError:
            return  # Damaged; it is about to be replaced.

    def _in_use(self, reason: str) -> CannotRestore:
        return CannotRestore(
            f"The database {self._path} is in use ({reason}): stop the server first. Nothing was changed."
        )

    def unclaim(self) -> None:
        """The next connection turns WAL on again."""
        if self._lock:
            self._lock.close()

    def load(self, source: Path, *, finish: Callable[[], None]) -> None:
        fresh = self._path.with_name(f".{self._path.name}.restored")
        _remove(fresh)
        shutil.move(source, fresh)
        try:
            _check(fresh)
            self._complete(fresh, finish)
            # A write-ahead log that is left would be played into the new database.
            _remove_side_files(self._path)
            fresh.replace(self._path)
        finally:
            _remove(fresh)

    def _complete(self, fresh: Path, finish: Callable[[], None]) -> None:
        """Before it takes the old one's place."""
        connection.close()
        connection.settings_dict["NAME"] = fresh
        try:
            finish()
        except Exception as error:
            raise CannotRestore(
                f"The database in this backup could not be brought up to this version: {error}. "
                "Nothing was changed."
            ) from error
        finally:
            connection.close()
            connection.settings_dict["NAME"] = self._path
        with closing(sqlite3.connect(fresh)) as mine:
            mine.execute("PRAGMA journal_mode=DELETE").fetchone()
        with fresh.open("rb") as file:
            os.fsync(file.fileno())


def _check(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as copy:
            answer = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise CannotRestore(f"The database in this backup is damaged: {answer}. Nothing was changed.")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_side_files(path)


def _remove_side_files(path: Path) -> None:
    for ending in _SIDE_FILES:
        path.with_name(path.name + ending).unlink(missing_ok=True)
