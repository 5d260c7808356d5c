"""Several nodes admit at once: nothing twice, whatever they do at the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import nullcontext
from functools import partial

import pytest
from django.db import connection, connections, transaction

from tasks.engine import admission, node
from tasks.models import LockMode, Node, ServerTask, TaskEvent, TaskState
from tasks.selectors import lines
from tasks.services.options import LockRequest, RunOptions
from tests.factories import EnvironmentFactory, ServerTaskFactory
from tests.tasks.engine.builders import queue
from tests.tasks.engine.test_admission import EXCLUSIVE, NOW, SHARED, active, pool_with_worker


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite is for one node")
def test_two_nodes_admit_at_once_and_nothing_twice(space, monkeypatch):
    environment = EnvironmentFactory(space=space)
    make = partial(queue, "echo", pool=pool_with_worker(space), environment=environment, now=NOW)
    for number in range(30):
        make(concurrency_key=f"single {number % 5}")
        make(concurrency_key=f"double {number % 5}", options=RunOptions(max_concurrent=2))
        # Different limits for one key, as runbooks that share a concurrency tag may have.
        make(concurrency_key="mixed", options=RunOptions(max_concurrent=1 + number % 3))
        make(concurrency_key=f"lock {number}", options=RunOptions(locks=EXCLUSIVE))
        make(
            concurrency_key=f"shared {number}", options=RunOptions(locks=(LockRequest("s", LockMode.SHARED),))
        )
    names = threading.local()
    monkeypatch.setattr(admission, "_one_at_a_time", nullcontext())
    monkeypatch.setattr(node, "current", lambda: node.CurrentNode(names.name))
    for name in "ab":
        Node.objects.create(name=name, task_cap=40, started_at=NOW, last_seen_at=NOW)
    barrier, errors = threading.Barrier(2), []

    def work(name: str) -> None:
        names.name = name
        try:
            barrier.wait()
            admission.admit(now=NOW)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=name) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    rows = ServerTask.objects.filter(state=TaskState.EXECUTING)
    keys = Counter(rows.values_list("concurrency_key", flat=True))
    assert all(keys[f"single {n}"] == 1 and keys[f"double {n}"] == 2 for n in range(5))
    assert keys["mixed"] <= min(
        rows.filter(concurrency_key="mixed").values_list("concurrency_limit", flat=True)
    )
    assert sum(keys[f"lock {n}"] for n in range(30)) == 1
    assert sum(keys[f"shared {n}"] for n in range(30)) == 30
    assert all(count <= 40 for count in Counter(rows.values_list("node_name", flat=True)).values())
    assert TaskEvent.objects.filter(level__gte=50).count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite is for one node")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("k", {"max_concurrent": 0}), ("k", {"max_concurrent": 1}), id="limits"),
        pytest.param(("a", {"locks": SHARED}), ("b", {"locks": EXCLUSIVE}), id="locks"),
    ],
)
def test_who_comes_second_waits_for_the_first_to_be_decided(space, one, other):
    """What no constraint of the database can keep: two limits for one key, a sharer and a loner."""
    environment, pool = EnvironmentFactory(space=space), pool_with_worker(space)
    # A run without a limit has its own id for a slot, which must not be that of another by chance.
    ServerTaskFactory.create_batch(3, state=TaskState.SUCCESS)
    rows = [
        queue("echo", pool=pool, environment=environment, concurrency_key=key, options=RunOptions(**options))
        for key, options in (one, other)
    ]
    first, second = lines.read(lines.queued().filter(pk__in=[row.pk for row in rows]))
    taken: list[bool] = []

    def work() -> None:
        try:
            taken.append(admission._take(second, now=NOW))
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    with transaction.atomic():
        assert admission._admit(first, now=NOW)
        thread.start()
        while thread.is_alive() and not somebody_waits_for_a_lock():
            thread.join(timeout=0.05)
        assert taken == []
    thread.join()
    assert taken == [False]
    assert active() == [first.id]


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        # Within a transaction it would say the same again and again.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
