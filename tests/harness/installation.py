"""A real installation for journeys, browser tests and benchmarks: the server and agents as processes,
on a database of their own, reached over HTTP and WebSockets like any other.

The calling process must be set up on the same home (see `tests/journeys/conftest.py`), so that it can
prepare scenarios through the services and look at rows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from agent.files import read_last_json
from octoworkers.services import spaces
from pools.models import WorkerPool
from tasks.models import Node as NodeRow
from tests.harness.waiting import free_port, wait_for
from workers.models import Machine
from workers.services import enrolment
from workers.services.targets import Registration

ROOT = Path(__file__).resolve().parents[2]


class Agent:
    """An agent process with a home of its own. `server` is the address that it dials, `environment` what
    its process gets beside the test's own."""

    def __init__(self, installation: Installation, name: str, *, server: str = "") -> None:
        self.installation = installation
        self.name = name
        self.server = server or installation.url
        self.home = installation.home / "agents" / name
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def register(self, code: str) -> None:
        self._agent("register", "--server", self.server, "--name", self.name, code=code)

    def start(self) -> None:
        self.launch()
        wait_for(lambda: self.machine.is_connected, seconds=60)

    def launch(self) -> None:
        """Starts the process and waits for nothing."""
        self.process = subprocess.Popen(
            self._command("run"),
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=self._log(),
            stderr=subprocess.STDOUT,
        )

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
        for record in self.shims():
            for pid in (record.get("child"), record["pid"]):
                if pid:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)

    def shims(self) -> list[dict[str, Any]]:
        """What the shims of the attempts that it holds say of themselves: `pid`, and `child` once there
        is a script."""
        found = []
        for file in (self.home / "attempts").glob("*/shim.json"):
            # None where it was settled, and so removed, in between.
            if record := read_last_json(file):
                found.append(record)
        return found

    def zygote(self) -> int:
        """The process that forks its shims."""
        assert self.process is not None
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _children(self.process.pid)}
        return next(pid for pid, command in commands.items() if b"zygote" in command)

    def forked(self) -> list[int]:
        """The shims that it has, with or without something to do."""
        return _children(self.zygote())

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


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Node:
    """A server process. `start`, `kill` and `start` again as a test likes; `environment` is what it gets
    beside the test's own."""

    def __init__(self, home: Path, name: str = "server") -> None:
        self.home = home
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {"OCTOWORKERS_PUBLIC_URL": self.url}
        self.process: subprocess.Popen[bytes] | None = None
        self.launched_at = timezone.now()

    def start(self) -> None:
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Until it answers."""
        wait_for(self._answers, seconds=60)

    def launch(self) -> None:
        """Starts the process and waits for nothing."""
        command = [sys.executable, "-m", "octoworkers.cli", *self._words()]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "octoworkers.settings", **self.environment}
        log = (self.home / f"{self.name}.log").open("ab")
        self.launched_at = timezone.now()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )

    def kill(self) -> None:
        """kill -9 of the server."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def _words(self) -> list[str]:
        return ["serve", "--port", str(self.port)]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / f"{self.name}.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


class EngineNode(Node):
    """A server process that runs the engine and listens nowhere."""

    def _words(self) -> list[str]:
        return ["engine"]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / f"{self.name}.log").read_text()
        row = NodeRow.objects.filter(name=self.name, stopped_at=None).first()
        return row is not None and row.started_at >= self.launched_at


class Installation(Node):
    """The server of one home, with its agents; `add_node` makes it several on one database."""

    def __init__(self, **environment: str) -> None:
        super().__init__(Path(settings.HOME))
        self.environment |= environment
        self.agents: list[Agent] = []
        self.nodes: list[Node] = [self]
        call_command("migrate", verbosity=0)
        self.space = spaces.install()

    def stop(self) -> None:
        for agent in self.agents:
            agent.stop()
        for node in self.nodes[1:]:
            node.stop()
        super().stop()

    def add_node(self, name: str, kind: type[Node] = Node) -> Node:
        """Another server process, not started yet. It has a name, and the first one gets one too."""
        node = kind(self.home, name)
        node.environment = {**self.environment, "OCTOWORKERS_NODE": name}
        self.environment.setdefault("OCTOWORKERS_NODE", self.name)
        self.nodes.append(node)
        return node

    def add_agent(
        self,
        name: str,
        *,
        pools: Iterable[WorkerPool] = (),
        slots: int = 10,
        server: str = "",
        target: Registration | None = None,
    ) -> Agent:
        """Enrols and starts a worker or a target, with a one-use code like anybody's. `server` is where it
        dials, if not this server itself."""
        user = User.objects.filter(is_superuser=True).first()
        _, code = enrolment.issue(
            space=self.space, pools=list(pools), slots=slots, user=user, now=timezone.now(), target=target
        )
        agent = Agent(self, name, server=server)
        agent.register(code)
        agent.start()
        self.agents.append(agent)
        return agent
