"""Several nodes on one PostgreSQL, with a Redis of their own that a test may stop, and what a browser
hears on its socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from tasks import models
from tests.harness.installation import ROOT, Installation, Node, free_port, wait_for


class Redis:
    """A Redis on a port of its own that keeps nothing."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._log = home / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        wait_for(self._answers)

    def stop(self) -> None:
        """kill -9, as a machine that goes down."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        asked = subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True, check=False)
        return asked.stdout.strip() == b"PONG"


class Process(Node):
    """A node that is started with words of its own, such as "engine"."""

    def __init__(self, home: Path, name: str, words: list[str]) -> None:
        super().__init__(home, name)
        self.words = words

    def launch(self) -> None:
        command = [sys.executable, "-m", "octoworkers.cli", *self.words]
        log = (self.home / f"{self.name}.log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(self), stdout=log, stderr=subprocess.STDOUT
        )

    def start(self) -> None:
        self.launch()
        if "serve" in self.words:
            wait_for(self._answers, seconds=60)
        wait_for(lambda: row(self.name), seconds=60)

    def output(self) -> str:
        return (self.home / f"{self.name}.log").read_text()


def environment(node: Node) -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "octoworkers.settings", **node.environment}


def node(installation: Installation, name: str, *words: str) -> Process:
    """A node of this name, not started. Without words it serves and runs the engine."""
    made = Process(installation.home, name, list(words) or ["serve"])
    if made.words[0] == "serve":
        made.words += ["--port", str(made.port)]
    made.environment = {**installation.environment, "OCTOWORKERS_NODE": name}
    installation.nodes.append(made)
    return made


def row(name: str) -> models.Node | None:
    """What a process of this name says of itself, while it says so."""
    return models.Node.objects.filter(name=name, stopped_at__isnull=True).first()


def cut_all_connections() -> int:
    """Ends every other connection to the database, as its restart does; gives how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


class Browser:
    """The live socket of a page that is open on a node."""

    def __init__(self, node: Node, user: User, *, origin: str) -> None:
        self._socket: ClientConnection = connect(
            f"{node.url.replace('http', 'ws')}/ws/live/",
            origin=origin,  # type: ignore[arg-type]  # a NewType of str
            additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={_session(user)}"},
        )

    def say(self, message: dict[str, Any]) -> None:
        self._socket.send(json.dumps(message))

    def hear(self, wanted: Callable[[dict[str, Any]], object], *, seconds: float = 20) -> dict[str, Any]:
        """The first message that is wanted; the ones before it are passed over, frames confirmed."""
        deadline = time.monotonic() + seconds
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(deadline - time.monotonic()))
            if "log" in message:
                self.say({"got": message["log"]["frame"]})
            if wanted(message):
                return message

    def silent_for(self, seconds: float) -> bool:
        try:
            self._socket.recv(seconds)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


def _session(user: User) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)
