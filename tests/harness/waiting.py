"""Waiting for what another process does. Knows nothing of Django, so that it may be read before it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: Callable[[], T], *, seconds: float = 20, every: float = 0.01) -> T:
    """The first true answer. Raises AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"Nothing came of {what} in {seconds} s."
        time.sleep(every)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
