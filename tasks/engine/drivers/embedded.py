"""The engine inside the server's own process: an asyncio loop, one writer thread, no queue to run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from time import monotonic

from tasks.engine import jobs, writer
from tasks.engine.drivers.base import Job

logger = logging.getLogger("octoworkers.engine")

#: Seconds between sweeps. A sweep is a few index look-ups; it bounds how long a lost request waits.
SWEEP_SECONDS = 1.0
#: Seconds after which a job that failed is tried again.
RETRY_SECONDS = 1.0
#: Seconds that jobs may take in one go before they pause for as long: agents share the writer's thread, and
#: must not wait behind looks at a long queue. Meanwhile what is asked for adds up, so one look does more.
LONG, LONGEST_PAUSE = 0.02, 1.0
#: Seconds between two goes of what may take long: archiving logs, retention.
TIDY_SECONDS = 5.0


class EmbeddedDriver:
    has_engine = True

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: set[Job] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # Not the writer's thread: a run must not wait while a long log is being archived.
        self._tidying = writer.DatabaseThread("engine-tidy")

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(work) for work in self._works()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def request(self, job: Job) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._want, job)

    def _works(self) -> list[Coroutine[None, None, None]]:
        return [self._work(), self._sweep(), self._tidy()]

    def _want(self, job: Job) -> None:
        self._wanted.add(job)
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            wanted, self._wanted = self._wanted, set()
            began = monotonic()
            for job in sorted(wanted):
                await self._run(job)
            if (took := monotonic() - began) > LONG:
                await asyncio.sleep(min(took, LONGEST_PAUSE))

    async def _sweep(self) -> None:
        while True:
            self._want(Job.SWEEP)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                await self._tidying.run(jobs.run, Job.TIDY)
            except Exception:
                logger.exception("Job %s failed and is tried again.", Job.TIDY)

    async def _run(self, job: Job) -> None:
        try:
            await writer.run(jobs.run, job)
        except Exception:
            # A database that is away for a while: the rows wait.
            logger.exception("Job %s failed and is tried again.", job)
            if job is not Job.SWEEP:
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._want, job)
