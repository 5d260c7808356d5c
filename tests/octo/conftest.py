"""`octo` in the process of the tests, over the real API and without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from accounts.services import api_keys
from octo import options
from octo.app import app
from octo.failures import Failure
from octo.server import Server
from octo.settings import Login
from octoworkers.services import spaces
from spaces.models import Space
from tests.api.client import Api
from tests.api.flows import World

#: Runs a command; gives its exit code and all that it said.
Run = Callable[..., tuple[int, str]]


class InProcess(httpx.BaseTransport):
    """Requests go to Django as those of its own test client do, within the test's transaction."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = Client(raise_request_exception=False).generic(
            request.method,
            request.url.raw_path.decode(),
            data=request.read(),
            content_type=request.headers.get("Content-Type", ""),
            headers=dict(request.headers),
        )
        content = answer.getvalue() if answer.streaming else answer.content
        return httpx.Response(answer.status_code, headers=list(answer.headers.items()), content=content)


@pytest.fixture
def space(db) -> Space:
    return spaces.install()


@pytest.fixture
def key(space: Space, administrator: Any) -> str:
    _, text = api_keys.create(owner=administrator, purpose="Tests", now=timezone.now(), user=administrator)
    return text


@pytest.fixture
def api(key: str) -> Api:
    return Api(key)


@pytest.fixture
def world(api: Api) -> World:
    return World(api)


@pytest.fixture
def octo(key: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    transport = InProcess()

    def server(space: str = "", *, patience: float | None = None) -> Server:
        return Server(Login("http://testserver", key, space), patience=0, transport=transport)

    monkeypatch.setattr(options, "server", server)

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(words))
        if isinstance(result.exception, Failure):
            failure = result.exception
            return failure.code, "\n".join([result.output, failure.message, *failure.details])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run
