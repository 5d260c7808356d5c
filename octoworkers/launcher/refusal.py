"""What keeps Octoworkers from starting, as one sentence for the person at the terminal."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("octoworkers.serve")


class CannotStart(Exception):
    """Its text is the whole message: what is wrong, and what to do about it."""


def report_failed_start(error: Exception) -> None:
    """One sentence for what a person can mend, the whole story of anything else."""
    from tasks.services.nodes import CannotJoin  # noqa: PLC0415  # its models load after `set_up_django`

    if isinstance(error, CannotJoin):
        print(error, file=sys.stderr)  # noqa: T201
    else:
        log.error("This node did not start.", exc_info=error)
