"""A real installation for journeys, browser tests and benchmarks: the server and agents as processes,
on a database of their own, reached over HTTP and WebSockets like any other.

The calling process must be set up on the same home (see `tests/journeys/conftest.py`), so that it can
prepare scenarios through the services and look at rows.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from octoworkers.services import spaces
from pools.models import WorkerPool
from workers.models import Machine
from workers.services import enrolment

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def wait_for(what: Callable[[], T], *, seconds: float = 20, every: float = 0.01) -> T:
    """The first true answer. Raises AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"Nothing came of {what} in {seconds} s."
        time.sleep(every)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Agent:
    """An agent process with a home of its own."""

    def __init__(self, installation: Installation, name: str) -> None:
        self.installation = installation
        self.name = name
        self.home = installation.home / "agents" / name
        self.process: subprocess.Popen[bytes] | None = None

    def register(self, code: str) -> None:
        self._agent("register", "--server", self.installation.url, "--name", self.name, code=code)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command("run"), cwd=ROOT, stdout=self._log(), stderr=subprocess.STDOUT
        )
        wait_for(lambda: self.machine.is_connected)

    def kill(self) -> None:
        """kill -9: nothing is said, nothing is cleaned up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self._end_scripts()

    def _end_scripts(self) -> None:
        """Scripts outlive their agent by design; those of a test must not outlive the test."""
        for file in (self.home / "attempts").glob("*/shim.json"):
            record = json.loads(file.read_text())
            for pid in (record.get("child"), record["pid"]):
                if pid:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)

    @property
    def machine(self) -> Machine:
        return Machine.objects.get(name=self.name)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "agent", "--home", str(self.home), *words]

    def _agent(self, *words: str, code: str) -> None:
        environment = {**os.environ, "OCTOWORKERS_CODE": code}
        done = subprocess.run(
            self._command(*words), cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _log(self):
        return (self.installation.home / f"{self.name}.log").open("ab")


class Installation:
    """The server of one home. `start`, `kill` and `start` again as a test likes."""

    def __init__(self) -> None:
        self.home = Path(settings.HOME)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.agents: list[Agent] = []
        call_command("migrate", verbosity=0)
        self.space = spaces.install()

    def start(self) -> None:
        command = [sys.executable, "-m", "octoworkers.cli", "serve", "--port", str(self.port)]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "octoworkers.settings"}
        environment["OCTOWORKERS_PUBLIC_URL"] = self.url
        log = (self.home / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        wait_for(self._answers, seconds=30)

    def kill(self) -> None:
        """kill -9 of the server."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        for agent in self.agents:
            agent.stop()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def add_agent(self, name: str, *, pools: Iterable[WorkerPool], slots: int = 10) -> Agent:
        """Enrols and starts a worker, with a one-use code like anybody's."""
        user = User.objects.filter(is_superuser=True).first()
        _, code = enrolment.issue(
            space=self.space, pools=list(pools), slots=slots, user=user, now=timezone.now()
        )
        agent = Agent(self, name)
        agent.register(code)
        agent.start()
        self.agents.append(agent)
        return agent

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "server.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
