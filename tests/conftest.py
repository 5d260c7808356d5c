"""Fixtures that the tests of every app share."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, settings

from accounts.models import Role, User
from pools.models import WorkerPool
from spaces.models import Space
from tests.factories import DefaultPoolFactory, DefaultSpaceFactory, UserFactory

# How long an example takes says something about the machine, not about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Throttles count in the cache: no test may use up another one's attempts."""
    cache.clear()


@pytest.fixture
def space(db) -> Space:
    return DefaultSpaceFactory()


@pytest.fixture
def default_pool(space) -> WorkerPool:
    return DefaultPoolFactory(space=space)


@pytest.fixture
def administrator(db) -> User:
    return UserFactory(username="ada", role=Role.ADMINISTRATOR, is_staff=True)


@pytest.fixture
def editor(db) -> User:
    return UserFactory(username="edith", role=Role.EDITOR)


@pytest.fixture
def operator(db) -> User:
    return UserFactory(username="otto", role=Role.OPERATOR)


@pytest.fixture
def viewer(db) -> User:
    return UserFactory(username="vera", role=Role.VIEWER)


@pytest.fixture
def as_user(space):
    """`as_user(user)` is a signed-in test client in a server that has its default space."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The address of a real server that `make test` has found, else the test is skipped."""
    variable = "OCTOWORKERS_TEST_DATABASE_URL"
    url = os.environ.get(variable)
    if not url:
        pytest.skip(f"{variable} is not set; make test sets it where a PostgreSQL answers")
    return url


@pytest.fixture(scope="session")
def postgres_server(postgres_url: str) -> str:
    """The address of that server's own database, which is always there."""
    return f"{postgres_url.rpartition('/')[0]}/postgres"


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach beyond this machine."""
    connect = socket.socket.connect

    def connect_to_loopback(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise AssertionError(f"A test wanted to connect to {address[0]}.")
        connect(self, address)  # type: ignore[arg-type]  # whatever the caller gives

    monkeypatch.setattr(socket.socket, "connect", connect_to_loopback)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pytest_unconfigure(config: pytest.Config) -> None:
    """Takes the temporary OCTOWORKERS_HOME of `tests.settings` away again."""
    home = Path(os.environ.get("OCTOWORKERS_HOME", ""))
    if not hasattr(config, "workerinput") and home.name.startswith("octoworkers-tests-"):
        shutil.rmtree(home, ignore_errors=True)
