"""What a look at the clock costs: nothing that grows with what waits for a person."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tasks.engine import jobs

pytestmark = pytest.mark.django_db(transaction=True)

#: The tables that hold a row for each run.
LONG = ("tasks_servertask", "tasks_execution", "tasks_attempt")


def plans() -> dict[str, str]:
    """How SQLite does each statement of a sweep that finds nothing to do."""
    jobs.sweep(now=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        jobs.sweep(now=timezone.now())
    statements = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    found = {}
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            found[statement] = "; ".join(row[3] for row in cursor.fetchall())
    return found


def test_a_sweep_finds_what_is_due_in_indexes_of_just_that():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a table that is as small as here from end to end")
    found = plans()

    read_whole = [sql for sql, plan in found.items() if any(f"SCAN {table}" in plan for table in LONG)]
    assert read_whole == []
    by_time = [plan for sql, plan in found.items() if '"tasks_servertask"."wake_at" <=' in sql]
    assert by_time
    # Not among all that run: ten thousand may wait for a person.
    assert all("tasks_wake" in plan for plan in by_time)
