"""What is tidied away now and then, by whichever node comes by."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from packages.services import retention

logger = logging.getLogger("octoworkers.upkeep")

EVERY = timedelta(hours=1)


class _Clock:
    """When this process did it last; several nodes may each do it, which does no harm."""

    done: datetime | None = None


def run(*, now: datetime) -> None:
    """At most once in `EVERY`. A fault here must not keep runs from going on."""
    if _Clock.done and now - _Clock.done < EVERY:
        return
    _Clock.done = now
    try:
        retention.apply(now=now)
    except Exception:
        logger.exception("Packages could not be tidied; it is tried again in an hour.")
