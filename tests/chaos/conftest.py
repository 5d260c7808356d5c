"""Chaos tests run against real servers and agents on the database of the test process's home.

OCTOWORKERS_CHAOS=full runs everything, else a modest part. OCTOWORKERS_CHAOS_SEED repeats what chance
did, and OCTOWORKERS_CHAOS_REPORT names a file for the report.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.chaos import own_services
from tests.chaos.cluster import Cluster
from tests.chaos.lanes import Lanes
from tests.chaos.report import Report
from tests.harness.extent import FULL
from tests.harness.installation import Installation

SEED = int(os.environ.get("OCTOWORKERS_CHAOS_SEED") or random.SystemRandom().randrange(10**6))

#: As many as there are messages at which the server is killed.
LANES = 8

_report = Report()


@pytest.fixture(scope="session", autouse=True)
def _real_database(django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def report() -> Report:
    return _report


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """One server with its engine, on SQLite unless DATABASE_URL says otherwise."""
    installation = Installation()
    installation.start()
    yield installation
    installation.stop()


@pytest.fixture(scope="session")
def lanes(installation) -> Iterator[Lanes]:
    lanes = Lanes(installation, LANES)
    yield lanes
    lanes.close()


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    if own_services.postgres is None or own_services.redis is None:
        pytest.skip("there is nothing to restart; start pytest with -p tests.chaos.own_services")
    cluster = Cluster(own_services.postgres, own_services.redis)
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(_cluster) -> Cluster:
    """Two nodes, an engine and three agents on PostgreSQL and Redis, all of them alive."""
    _cluster.heal()
    return _cluster


def chosen(request: pytest.FixtureRequest, parameter: str) -> list[Any]:
    """The values of a parameter in those tests of a module that are to be run."""
    items = [item for item in request.session.items if item.module is request.module]
    given = [item.callspec.params for item in items if hasattr(item, "callspec")]
    return [values[parameter] for values in given if parameter in values]


def pytest_report_header() -> str:
    return f"chaos: {'full' if FULL else 'modest'}, seed {SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _report.cases:
        return
    path = os.environ.get("OCTOWORKERS_CHAOS_REPORT")
    if path:
        _report.save(Path(path), title=f"{connection.display_name}, seed {SEED}")
    lines = _report.lines()
    terminalreporter.section(f"chaos, seed {SEED}")
    for line in lines if FULL else lines[:1]:
        terminalreporter.write_line(line)
