"""Works on a database that the worker reaches: runs SQL, or scripts that run once each."""

from __future__ import annotations

import signal
from typing import Any, NoReturn

from programs.database import migrating, running
from programs.kit.given import Failed, Given

_TASKS = {"run": running.run, "migrate": migrating.migrate}


def main(given: Given) -> None:
    """Raises `Failed`."""
    task = _TASKS.get(given.text("do"))
    if task is None:
        raise Failed(f'This program cannot do "{given.text("do")}".')
    # A cancelled step says good-bye to the database, which would go on with the statement otherwise.
    signal.signal(signal.SIGTERM, _stop)
    try:
        task(given)
    except KeyboardInterrupt:
        raise Failed("The step was stopped; the statement that was running was cancelled.") from None


def _stop(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
