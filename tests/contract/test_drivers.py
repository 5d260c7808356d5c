"""What every driver of the engine promises, in both profiles."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction

from tasks.engine.drivers import base
from tasks.engine.drivers.base import Job
from tasks.engine.drivers.embedded import LONGEST_PAUSE
from tests.contract.conftest import Recorder, until
from tests.harness.installation import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


class Undone(Exception):
    """Rolls a transaction back."""


def ask(*jobs: Job, undone: bool = False) -> None:
    with suppress(Undone), transaction.atomic():
        for job in jobs:
            base.request(job)
        if undone:
            raise Undone


async def test_a_job_that_is_asked_for_runs_once_and_soon(engine, recorder: Recorder):
    loop = asyncio.get_running_loop()
    await recorder.has(Job.SWEEP)
    asked_at = loop.time()

    await sync_to_async(ask)(Job.ADMIT)

    await recorder.has(Job.ADMIT)
    assert loop.time() - asked_at < 0.5, "it must not wait for a sweep"
    await recorder.has_swept_twice_more()
    assert recorder.count(Job.ADMIT) == 1


async def test_what_is_asked_in_a_transaction_that_is_undone_never_runs(engine, recorder: Recorder):
    await sync_to_async(ask)(Job.ADMIT, undone=True)

    await recorder.has_swept_twice_more()
    assert recorder.count(Job.ADMIT) == 0


async def test_nothing_runs_before_the_commit(engine, recorder: Recorder):
    may_commit, has_asked = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            base.request(Job.ADMIT)
            has_asked.set()
            assert may_commit.wait(20)

    asking = asyncio.create_task(sync_to_async(slowly)())
    await until(has_asked.is_set)
    await recorder.has_swept_twice_more()
    assert recorder.count(Job.ADMIT) == 0
    may_commit.set()
    await asking
    await recorder.has(Job.ADMIT)


async def test_asking_often_is_asking_once(engine, recorder: Recorder):
    gate = recorder.gates[Job.ADMIT] = threading.Event()
    await sync_to_async(ask)(Job.ADMIT)
    await recorder.has(Job.ADMIT)

    for _ in range(20):
        await sync_to_async(ask)(Job.ADMIT, Job.ADMIT)
    gate.set()

    # What was asked for while it ran may have come too late for it: it runs once more, and not 40 times.
    await recorder.has(Job.ADMIT, 2)
    await recorder.has_swept_twice_more()
    assert recorder.count(Job.ADMIT) == 2


async def test_after_a_long_look_the_agents_come_first(engine, recorder: Recorder):
    """They share the writer's thread, and a queue that is long would keep it busy for ever."""
    gate = recorder.gates[Job.ADMIT] = threading.Event()
    await sync_to_async(ask)(Job.ADMIT)
    await recorder.has(Job.ADMIT)
    await sync_to_async(ask)(Job.ADMIT)

    began = recorder.began[-1]
    await asyncio.to_thread(time.sleep, 0.1)
    ended = time.monotonic()
    gate.set()

    await recorder.has(Job.ADMIT, 2)
    pause = recorder.began[-1] - ended
    assert pause >= min(ended - began, LONGEST_PAUSE) * 0.9


async def test_a_job_that_fails_is_tried_again(engine, recorder: Recorder):
    recorder.failures[Job.PLACE] = 2

    await sync_to_async(ask)(Job.PLACE)

    await recorder.has(Job.PLACE, 3)
    await recorder.has_swept_twice_more()
    assert recorder.count(Job.PLACE) == 3


async def test_a_failing_sweep_does_not_end_the_sweeps(engine, recorder: Recorder):
    recorder.failures[Job.SWEEP] = 1

    await recorder.has_swept_twice_more()


async def test_what_a_process_without_an_engine_asks_for_is_done(engine, profile: str, recorder: Recorder):
    """Embedded, the next sweep does it; on PostgreSQL the job itself comes."""
    await recorder.has(Job.SWEEP)
    expected = Job.ADMIT if profile == "procrastinate" else Job.SWEEP
    before = recorder.count(expected)

    await asyncio.to_thread(ask_in_another_process, Job.ADMIT)

    await recorder.has(expected, before + 1)


def ask_in_another_process(job: Job) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.db import transaction\n"
        "from tasks.engine.drivers import base\n"
        f"with transaction.atomic(): base.request(base.Job({job.value!r}))\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "octoworkers.settings"} | database_url()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def database_url() -> dict[str, str]:
    """The test's own database, as another process is told of it."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{name}"}
    return {"DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"}
