"""Journeys run against a real server and real agents on the database of the test process's home."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.installation import Installation


@pytest.fixture(scope="session", autouse=True)
def _real_database(django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    installation = Installation()
    installation.start()
    yield installation
    installation.stop()
