"""Counts of several nodes are one where they share a Redis, and a node alone goes on without it."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import uuid4

import pytest
import redis

from common import counting
from tests.harness.installation import ROOT
from tests.run import REDIS, why_no_redis

URL = os.environ.get("OCTOWORKERS_TEST_REDIS_URL", REDIS)
CACHE = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture(autouse=True)
def _asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_asked_again_at", 0.0)


def use(settings, url: str) -> None:
    shared = {"BACKEND": CACHE, "LOCATION": url, "KEY_PREFIX": "tests"}
    settings.CACHES = {**settings.CACHES, "shared": shared}


def test_counting_without_a_redis() -> None:
    key = str(uuid4())

    assert [counting.add(key, 60), counting.add(key, 60)] == [1, 2]
    assert counting.read([key, "other"]) == {key: 2}
    counting.forget(key)
    assert counting.add(key, 60) == 1


def test_two_processes_count_together(settings) -> None:
    if reason := why_no_redis(URL):
        pytest.skip(reason)
    use(settings, URL)
    key = str(uuid4())
    code = f"from common import counting; print(counting.add({key!r}, 60))"
    environment = {**os.environ, "REDIS_URL": URL, "OCTOWORKERS_REDIS_PREFIX": "tests"}
    environment["DJANGO_SETTINGS_MODULE"] = "octoworkers.settings"

    assert counting.add(key, 60) == 1
    command = [sys.executable, "-c", f"import django; django.setup(); {code}"]
    other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)

    assert other.stdout.strip() == "2"
    assert counting.add(key, 60) == 3
    with redis.Redis.from_url(URL) as client:
        assert 0 < client.ttl(f"tests:1:{key}") <= 60
    counting.forget(key)


def test_a_redis_that_does_not_answer_keeps_nobody_out(settings, caplog) -> None:
    use(settings, "redis://127.0.0.1:9/0")
    key = str(uuid4())

    assert [counting.add(key, 60), counting.add(key, 60)] == [1, 2]
    assert sum("counts for itself" in record.message for record in caplog.records) == 1
