"""One launcher per data folder: two engines on one SQLite file would only get in each other's way."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from octoworkers.launcher.refusal import CannotStart


def take(home: Path) -> IO[str]:
    """The lock, held until the process ends. Raises `CannotStart` if another launcher has it."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (home / "launcher.lock").open("a+")
    except OSError as error:
        raise CannotStart(f"The data folder {home} cannot be written to: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise CannotStart(
            f"Octoworkers runs from {home} already, as process {holder}. Stop it first, "
            "or start a second one with another OCTOWORKERS_HOME."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
