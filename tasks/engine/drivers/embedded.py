"""The engine inside the server's own process: an asyncio loop, one writer thread, no queue to run."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from tasks.engine import jobs, writer
from tasks.engine.drivers.base import Job

logger = logging.getLogger("octoworkers.engine")

#: Seconds between sweeps. A sweep is a few index look-ups; it bounds how long a lost request waits.
SWEEP_SECONDS = 1.0


class EmbeddedDriver:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: set[Job] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._sweep())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def request(self, job: Job) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._want, job)

    def _want(self, job: Job) -> None:
        self._wanted.add(job)
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            wanted, self._wanted = self._wanted, set()
            for job in sorted(wanted):
                await self._run(job)

    async def _sweep(self) -> None:
        while True:
            self._want(Job.SWEEP)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _run(self, job: Job) -> None:
        try:
            await writer.run(jobs.run, job)
        except Exception:
            # A database that is away for a while: the rows wait, the next sweep tries again.
            logger.exception("Job %s failed and is tried again.", job)
