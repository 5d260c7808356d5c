"""Waiting for what shows itself only on the disk or among the processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

#: Long, since a program may import SQLAlchemy on a machine that does much else.
SECONDS = 60


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "It did not come about."
        await asyncio.sleep(0.02)
