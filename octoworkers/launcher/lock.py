"""One launcher per data folder, and one server per SQLite file: two engines on it would only get in each
other's way."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from octoworkers.launcher.refusal import CannotStart


def take(home: Path) -> IO[str]:
    """The launcher's lock, held until the process ends. Raises `CannotStart` if another launcher has it."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unwritable(home, error) from error
    return _held(
        home / "launcher.lock",
        f"Octoworkers runs from {home} already, as process {{holder}}. Stop it first, "
        "or start a second one with another OCTOWORKERS_HOME.",
    )


def take_database(database: Path) -> IO[str]:
    """The lock of the one server that may use this SQLite file. Raises `CannotStart`."""
    return _held(
        database.with_name(f"{database.name}.lock"),
        f"A server, process {{holder}}, uses {database} already. SQLite is for one server; for several "
        "nodes give all of them the same PostgreSQL in DATABASE_URL and the same Redis in REDIS_URL.",
    )


def _held(path: Path, refusal: str) -> IO[str]:
    try:
        file = path.open("a+")
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise CannotStart(refusal.format(holder=holder)) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _unwritable(folder: Path, error: OSError) -> CannotStart:
    return CannotStart(f"The data folder {folder} cannot be written to: {error.strerror}.")
