"""What only the profile of several nodes promises: its queue outlives connections and processes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from tasks.engine.drivers import for_command
from tasks.engine.drivers.base import Job
from tests.contract.conftest import Recorder

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("_empty_queue"),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="these tests run on SQLite; Procrastinate needs PostgreSQL, on which make test runs them too",
    ),
]


@pytest.fixture
def profile() -> str:
    return "procrastinate"


def rows_of(sql: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def waiting() -> list[object]:
    return [name for (name,) in rows_of("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'")]


def ask(job: Job) -> None:
    for_command().request(job)


def test_a_job_waits_once_however_often_it_is_asked_for():
    ask(Job.ADMIT)
    ask(Job.ADMIT)
    ask(Job.PLACE)

    assert waiting() == ["admit", "place"]


def test_asking_twice_at_the_same_time_breaks_no_transaction(monkeypatch):
    ask(Job.ADMIT)
    # As if the other one had come between the look and the insertion.
    monkeypatch.setattr(QuerySet, "exists", lambda rows: False)
    with transaction.atomic():
        ask(Job.ADMIT)
        rows_of("SELECT 1")

    assert waiting() == ["admit"]


async def test_jobs_leave_nothing_behind(engine, recorder: Recorder):
    await sync_to_async(ask)(Job.ADMIT)
    await recorder.has(Job.ADMIT)

    await until_it_is([(0,)], "SELECT count(*) FROM procrastinate_jobs")


async def test_asked_for_elsewhere_it_starts_in_milliseconds(engine, recorder: Recorder):
    await until_listening()
    loop, taken = asyncio.get_running_loop(), []
    for number in range(1, 11):
        asked_at = loop.time()
        await sync_to_async(ask)(Job.ADMIT)
        await recorder.has(Job.ADMIT, number)
        taken.append(loop.time() - asked_at)

    # Generous for a busy machine: without the notification it would be seconds.
    assert sorted(taken)[5] < 0.25, taken


async def test_the_queue_goes_on_after_its_connections_were_lost(engine, recorder: Recorder):
    await until_listening()
    await sync_to_async(rows_of)(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'octoworkers queue'"
    )

    await sync_to_async(ask)(Job.ADMIT)

    await recorder.has(Job.ADMIT)


async def test_a_job_whose_engine_was_killed_is_given_back(engine, recorder: Recorder, monkeypatch):
    await sync_to_async(leave_half_done)(Job.PLACE)

    await engine.rescue()

    await recorder.has(Job.PLACE)


async def test_a_job_that_was_asked_for_anew_is_not_given_back_twice(engine, recorder: Recorder):
    await sync_to_async(leave_half_done)(Job.PLACE)
    await sync_to_async(rows_of)(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock) VALUES ('other', 't', 'place')"
    )

    await engine.rescue()

    left = await sync_to_async(rows_of)("SELECT queue_name, status::text FROM procrastinate_jobs")
    assert left == [("other", "todo")]


def leave_half_done(job: Job) -> None:
    """As a worker that was killed a minute ago leaves it."""
    # In one statement: the engine of the test clears away workers that have been silent.
    rows_of(
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s) RETURNING id) "
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, status, worker_id) "
        "SELECT 'engine', 'octoworkers.engine', %s, %s, 'doing', id FROM dead",
        timezone.now() - timedelta(minutes=1),
        job.value,
        f'{{"job": "{job.value}"}}',
    )


async def until_listening() -> None:
    listening = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'octoworkers queue' AND query ILIKE 'LISTEN%%'"
    )
    await until_it_is([(1,)], listening)


async def until_it_is(expected: list[tuple[object, ...]], sql: str) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while await sync_to_async(rows_of)(sql) != expected:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
