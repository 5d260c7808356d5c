"""A plugin for pytest, for `-p tests.chaos.own_services`: a PostgreSQL and a Redis of this test run alone,
there before Django reads its settings, which tests may crash and start again."""

from __future__ import annotations

import os

import pytest

from tests.harness.services import Postgres, Redis

postgres: Postgres | None = None
redis: Redis | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    global postgres, redis
    missing = why_not()
    if missing:
        raise pytest.UsageError(f"There can be no services of our own: {missing}.")
    postgres, redis = Postgres(), Redis()
    os.environ["DATABASE_URL"] = postgres.own_url
    os.environ["REDIS_URL"] = redis.url


def pytest_unconfigure() -> None:
    for service in (postgres, redis):
        if service is not None:
            service.close()


def why_not() -> str:
    """Why it cannot be on this machine, or nothing."""
    return Postgres.missing() or Redis.missing()
