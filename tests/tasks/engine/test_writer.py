"""The writer's thread outlives what happens to its connection."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from spaces.models import Space
from tasks.engine.writer import DatabaseThread

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite closes no connections"),
]


@pytest.fixture
def thread():
    thread = DatabaseThread("test-writer")
    yield thread
    asyncio.run(thread.run(connection_close))


def connection_close() -> None:
    connection.close()


def end_own_session() -> None:
    """As a restart of the database does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    parameters = connection.get_connection_params()
    wanted = {
        name: parameters[name]
        for name in ("host", "port", "user", "password", "dbname")
        if name in parameters
    }
    with psycopg.connect(**wanted, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])


class Work:
    """Makes a space; the connection breaks at the first call."""

    def __init__(self, *, inside: bool) -> None:
        self.inside = inside
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls == 1 and not self.inside:
            end_own_session()
        with transaction.atomic():
            Space.objects.create(name="Made", slug="made")
            if self.calls == 1 and self.inside:
                end_own_session()
            return Space.objects.filter(slug="made").count()


@pytest.mark.parametrize("inside", [False, True])
async def test_what_a_lost_connection_undid_is_done_again(thread, inside):
    work = Work(inside=inside)
    await thread.run(connection_ensure)

    assert await thread.run(work) == 1
    assert work.calls == 2


def connection_ensure() -> None:
    connection.ensure_connection()


async def test_an_error_of_the_work_itself_is_raised_at_once(thread):
    calls = []

    def broken() -> None:
        calls.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1) FROM nowhere")

    with pytest.raises(Exception, match="nowhere"):
        await thread.run(broken)
    assert len(calls) == 1


async def test_a_transaction_that_was_in_anothers_way_is_done_again(thread):
    calls = []

    def deadlocked_once() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError from psycopg.errors.DeadlockDetected()
        return "done"

    assert await thread.run(deadlocked_once) == "done"
