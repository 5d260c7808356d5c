"""What a browser does, without one: signs in, starts a run through the page's own form, listens to
the page's own socket."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from environments.models import Environment
from runbooks.models import Runbook
from tasks.models import ServerTask
from tests.harness.installation import Installation

TOKEN = "b" * 32
IDLE_SECONDS = 5.0


class Visitor:
    """Keeps one HTTP connection open, as browsers do."""

    def __init__(self, installation: Installation, user: User) -> None:
        self._installation = installation
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        self.cookie = f"{settings.SESSION_COOKIE_NAME}={session.session_key}; csrftoken={TOKEN}"
        self._connection = http.client.HTTPConnection("127.0.0.1", installation.port)
        self._used = time.monotonic()

    def get(self, path: str) -> tuple[int, bytes]:
        self._request("GET", path, headers={"Cookie": self.cookie})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _request(self, method: str, path: str, body: str | None = None, headers: Any = None) -> None:
        # The server ends connections that nobody has used for a while.
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._connection.close()
        self._connection.request(method, path, body, headers)
        self._used = time.monotonic()

    def start(self, runbook: Runbook, environment: Environment) -> ServerTask:
        """Submits the run dialog."""
        path = f"/projects/{runbook.project.slug}/runbooks/{runbook.slug}/run/"
        source = runbook.published.number if runbook.published else "draft"
        body = urlencode({"environments": environment.pk, "source": source, "csrfmiddlewaretoken": TOKEN})
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        self._request("POST", path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        location = answer.getheader("Location") or ""
        assert answer.status == 302, (answer.status, text[:2000])
        return ServerTask.objects.get(pk=int(location.rstrip("/").rsplit("/", 1)[1]))

    def socket(self) -> ClientConnection:
        url = f"ws://127.0.0.1:{self._installation.port}/ws/live/"
        return connect(
            url,
            additional_headers={"Cookie": self.cookie},
            origin=self._installation.url,
            max_size=None,
        )


def first_line(socket: ClientConnection, task: ServerTask) -> tuple[float, str]:
    """When the first line of a task's log was in the browser's hands (seconds since the epoch), and
    the line."""
    socket.send(json.dumps({"log": {"task": task.pk, "after": {}}}))
    while True:
        message = json.loads(socket.recv(timeout=30))
        log = message.get("log")
        if log is None:
            continue
        socket.send(json.dumps({"got": log["frame"]}))
        for group in log["groups"]:
            if group["lines"]:
                return time.time(), group["lines"][0][3]
