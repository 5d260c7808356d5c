"""An engine of either profile, whose jobs are written down instead of done."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from tasks.engine import drivers, jobs
from tasks.engine.drivers import base
from tasks.engine.drivers.base import Job
from tasks.engine.drivers.embedded import EmbeddedDriver
from tasks.engine.node import CurrentNode


class Recorder:
    """Stands for the job functions: what they do is tested elsewhere, here it matters that they are
    called. The next call of a job can be made to fail or to wait."""

    def __init__(self) -> None:
        self.done: list[Job] = []
        self.began: list[float] = []
        self.failures: dict[Job, int] = {}
        self.gates: dict[Job, threading.Event] = {}

    def run(self, job: Job) -> None:
        self.began.append(time.monotonic())
        self.done.append(job)
        if gate := self.gates.get(job):
            assert gate.wait(20)
        if self.failures.get(job):
            self.failures[job] -= 1
            raise RuntimeError(f"{job} fails as the test wants")

    def count(self, job: Job) -> int:
        return self.done.count(job)

    async def has(self, job: Job, times: int = 1) -> None:
        await until(lambda: self.count(job) >= times)

    async def has_swept_twice_more(self) -> None:
        """By then whatever was asked for before has come."""
        await self.has(Job.SWEEP, self.count(Job.SWEEP) + 2)


async def until(what: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"Nothing came of {what} in {seconds} s."
        await asyncio.sleep(0.005)


@pytest.fixture(params=["embedded", "procrastinate"])
def profile(request: pytest.FixtureRequest) -> str:
    if request.param == "procrastinate" and connection.vendor != "postgresql":
        pytest.skip(
            "these tests run on SQLite; Procrastinate needs PostgreSQL, on which make test runs them too"
        )
    return str(request.param)


@pytest.fixture
def _empty_queue(transactional_db):
    """Procrastinate's tables are not Django's to empty, and any test may have asked for something."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(jobs, "run", recorder.run)
    return recorder


@pytest.fixture
async def engine(profile: str, recorder: Recorder, _empty_queue: None) -> AsyncIterator[base.Driver]:
    """Running, and what `request` reaches."""
    before = base.current()
    chosen = (
        EmbeddedDriver() if profile == "embedded" else drivers.for_node(CurrentNode("one", runs_engine=True))
    )
    base.use(chosen)
    await chosen.start()
    yield chosen
    base.use(before)
    await chosen.stop()
    # The thread behind sync_to_async has a connection of its own, which would keep the test database busy.
    await sync_to_async(lambda: connection.close())()
