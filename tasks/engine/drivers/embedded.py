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
#: Seconds that jobs may take in one go before they pause, this many times as long: agents share the writer's
#: thread, and must not wait behind looks at a long queue. Meanwhile what is asked for adds up, so one look
#: does more.
LONG, PAUSE, LONGEST_PAUSE = 0.005, 2.0, 1.0
#: Seconds between two goes of what may take long: archiving logs, retention.
TIDY_SECONDS = 5.0


class EmbeddedDriver:
    has_engine = True

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: set[Job] = set()
        self._wake = asyncio.Event()
        self._done = asyncio.Event()
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

    def _want(self, job: Job) -> asyncio.Event:
        """The event is set once the job has been done, and the pause after it is over."""
        self._wanted.add(job)
        self._wake.set()
        return self._done

    async def _work(self) -> None:
        done = self._done
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                wanted, self._wanted = self._wanted, set()
                done, self._done = self._done, asyncio.Event()
                took = sum([await self._run(job) for job in sorted(wanted)])
                if took > LONG:
                    await asyncio.sleep(min(took * PAUSE, LONGEST_PAUSE))
                done.set()
        finally:
            # Nobody shall wait for what is not done any more.
            done.set()
            self._done.set()

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

    async def _run(self, job: Job) -> float:
        """The seconds that it took; what it waited for its turn does not count."""
        try:
            return await writer.run(_timed, job)
        except Exception:
            # A database that is away for a while: the rows wait.
            logger.exception("Job %s failed and is tried again.", job)
            if job is not Job.SWEEP:
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._want, job)
            return 0.0


def _timed(job: Job) -> float:
    began = monotonic()
    jobs.run(job)
    return monotonic() - began
