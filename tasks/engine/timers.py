"""What higher apps want done when its time comes. They register it; the engine's sweep runs it, so that
the engine need not know them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

logger = logging.getLogger("octoworkers.engine")


class Timer(Protocol):
    def __call__(self, *, now: datetime) -> None:
        """Do what is due at `now`. On several nodes at once, and again and again: claim before acting."""


_timers: list[Timer] = []


def register(timer: Timer) -> None:
    """Called in an AppConfig's `ready`."""
    if timer not in _timers:
        _timers.append(timer)


def run_due(*, now: datetime) -> None:
    """One timer that fails keeps neither the others nor the engine from their work."""
    for timer in _timers:
        try:
            timer(now=now)
        except Exception:
            logger.exception("What was due could not be done, and is tried again.")
