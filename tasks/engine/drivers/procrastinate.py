"""On PostgreSQL: jobs that an engine asks of itself are done at once, in its own loop; those that a
process without an engine asks for are Procrastinate's, whose NOTIFY wakes an engine on some node.

Its jobs carry no data and are done by looking at the rows, so that losing one, or doing one twice, does
no harm. Its `lock` is not used: a thousand jobs behind one lock drained at eight a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress

from django.db import Error, transaction
from django.utils import timezone
from procrastinate import App
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.psycopg_connector import PsycopgConnector

from tasks.engine import writer
from tasks.engine.drivers.base import Job
from tasks.engine.drivers.embedded import RETRY_SECONDS, EmbeddedDriver
from tasks.selectors import nodes

logger = logging.getLogger("octoworkers.engine")

QUEUE = "engine"
TASK = "octoworkers.engine"
#: Procrastinate's word for a job that nobody has taken yet.
WAITING = "todo"
#: What the database's administrator sees of its connections.
CONNECTION = "octoworkers queue"
#: Seconds between looks for jobs whose notification got lost with its connection.
POLL_SECONDS = 2.0
#: Seconds between looks for a node with an engine.
LOOK_SECONDS = 5.0
#: Seconds between looks for jobs whose engine died over them. Its heartbeat is 10 s.
RESCUE_SECONDS = 10.0
#: Seconds without a heartbeat after which the engine that took a job counts as dead.
STALLED_AFTER = 30.0

_asking = App(connector=DjangoConnector())


def ask(job: Job) -> None:
    """Leaves the job for an engine on some node; one that waits already is enough."""
    if ProcrastinateJob._default_manager.filter(queueing_lock=job, status=WAITING).exists():
        return
    deferrer = _asking.configure_task(TASK, queue=QUEUE, queueing_lock=job.value)
    try:
        with transaction.atomic():
            deferrer.defer(job=job.value)
    except AlreadyEnqueued:
        return


class AskingDriver:
    """In a process without an engine. Started, it keeps an eye on whether another node has one."""

    def __init__(self) -> None:
        self.has_engine = False
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._looking = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _keep_looking(self) -> None:
        while True:
            with suppress(Error):
                self.has_engine = await writer.run(nodes.engine_lives, timezone.now())
            await asyncio.sleep(LOOK_SECONDS)

    def request(self, job: Job) -> None:
        try:
            ask(job)
        except (Error, ConnectorException):
            # What was asked for is committed already; the next sweep finds it.
            logger.exception("Job %s could not be asked for.", job)


class EngineDriver(EmbeddedDriver):
    """Does its own jobs and everybody's who has no engine."""

    def __init__(self) -> None:
        super().__init__()
        parameters = {**connector_params(), "application_name": CONNECTION}
        self._app = App(connector=PsycopgConnector(kwargs=parameters, min_size=1, max_size=2))
        self._app.task(name=TASK, queue=QUEUE)(self._perform)

    def _works(self) -> list[Coroutine[None, None, None]]:
        return [*super()._works(), self._serve()]

    async def _perform(self, job: str) -> None:
        # Together with what this engine asks of itself. Until it is done nobody takes the next one off the
        # queue, so that a thousand requests are few jobs.
        await self._want(Job(job)).wait()

    async def _serve(self) -> None:
        """Takes jobs off the queue, whatever becomes of the connection."""
        while True:
            try:
                async with self._app.open_async():
                    rescuing = asyncio.create_task(self._keep_rescuing())
                    try:
                        await self._work_off()
                    finally:
                        rescuing.cancel()
            except Exception as error:
                logger.warning("The queue of jobs is out of reach and is tried again: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _work_off(self) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE],
            name=CONNECTION,
            concurrency=1,
            delete_jobs=DeleteJobCondition.ALWAYS,
            fetch_job_polling_interval=POLL_SECONDS,
            install_signal_handlers=False,
            stalled_worker_timeout=STALLED_AFTER,
        )

    async def _keep_rescuing(self) -> None:
        """Gives back jobs whose engine was killed in the middle of them."""
        while True:
            await asyncio.sleep(RESCUE_SECONDS)
            try:
                await self.rescue()
            except ConnectorException as error:
                logger.warning("Stalled jobs could not be looked for: %s", error)

    async def rescue(self) -> None:
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_AFTER):
            try:
                await manager.retry_job(job)
            except UniqueViolation:
                # The same has been asked for anew meanwhile.
                await manager.finish_job(job, Status.FAILED, delete_job=True)
