"""A node that runs the engine and listens on nothing: its agents and browsers are on other nodes."""

from __future__ import annotations

import asyncio
import logging
import signal

from django.conf import settings

from octoworkers.launcher.refusal import report_failed_start
from octoworkers.services import rotation
from tasks.engine.node import CurrentNode
from tasks.engine.runner import Runner

log = logging.getLogger("octoworkers.engine")

#: Seconds that the engine gets to finish what it is writing before the process ends anyway.
STOP_TIMEOUT = 15


def run() -> int:
    """Until SIGTERM or SIGINT. Returns the exit code of the process. Django must be set up."""
    if warning := rotation.unreadable():
        log.error(warning)
    return asyncio.run(_run(CurrentNode(settings.NODE_NAME, runs_engine=True)))


async def _run(node: CurrentNode) -> int:
    ended, failed = asyncio.Event(), asyncio.Event()

    def replaced() -> None:
        failed.set()
        ended.set()

    runner = Runner(node, on_replaced=replaced)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        await runner.start()
    except Exception as error:
        report_failed_start(error)
        return 1
    await ended.wait()
    try:
        await asyncio.wait_for(runner.stop(), STOP_TIMEOUT)
    except Exception:
        log.exception("The engine did not stop cleanly; other nodes take up what it left.")
    return 1 if failed.is_set() else 0
