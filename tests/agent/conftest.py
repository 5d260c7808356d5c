"""The real agent as a process, and a server for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent import capabilities, keys
from agent.config import Home, Registration
from agent.journal import AttemptFolder
from protocol.frames import Accepted, Assign, Finished, Settled, Start, Started
from tests.agent.fake_server import FakeServer

ROOT = Path(__file__).parent.parent.parent


class AgentProcess:
    """`octoworker run` in a home that is registered with a fake server."""

    def __init__(self, home: Home, errors: Path) -> None:
        self.home = home
        self._errors = errors
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, **environment: str) -> None:
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agent", "--home", str(self.home.path), "run", *options],
                cwd=ROOT,
                env={**os.environ, **environment},
                stderr=errors,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Without a chance to clean up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=20)

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def folder(self, attempt_id: str) -> AttemptFolder:
        return AttemptFolder(self.home.attempts / attempt_id)

    def end(self) -> None:
        if self._process and self._process.poll() is None:
            self.kill()
        if not self.home.attempts.is_dir():
            return
        for path in self.home.attempts.iterdir():
            shim = AttemptFolder(path).read_shim()
            for pid in (shim.child, shim.pid) if shim else ():
                if pid and AttemptFolder(path).read_exit() is None:
                    _kill_group(pid)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions of this machine's tools, asked for once instead of by each agent."""
    home = Home(tmp_path_factory.mktemp("tools"))
    capabilities.probe(home)
    return home.tools


@pytest.fixture
def home(tmp_path: Path, server: FakeServer, tools: Path) -> Home:
    return register(tmp_path / "home", server, tools)


def register(path: Path, server: FakeServer, tools: Path) -> Home:
    """A home that is registered with the fake server."""
    home = Home(path)
    home.create()
    shutil.copy(tools, home.tools)
    server.agent_key = keys.create(home.key).public.hex()
    Registration(
        server=f"http://127.0.0.1:{server.port}",
        agent_id=server.agent_id,
        name="worker",
        server_key=server.public_key,
        websocket="/agent/ws/",
    ).save(home)
    return home


@pytest.fixture
def worker(home: Home, tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(home, tmp_path / "agent.err")
    yield process
    process.end()


class Scenario:
    """The usual course of an attempt, from the server's side."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def accept(self) -> str:
        attempt_id = str(uuid.uuid4())
        await self._server.send(Assign(attempt_id, 1, 7, "Step"))
        await self._server.expect(Accepted, attempt_id=attempt_id)
        return attempt_id

    async def start(self, script: str, *, syntax: str = "bash", **more: Any) -> str:
        attempt_id = await self.accept()
        await self._server.send(Start(attempt_id, 1, syntax, script, **more))
        return attempt_id

    async def started(self, script: str, **more: Any) -> tuple[str, Started]:
        attempt_id = await self.start(script, **more)
        return attempt_id, await self._server.expect(Started, attempt_id=attempt_id)

    async def finish(self, attempt_id: str) -> Finished:
        """The end, with the log checked against it."""
        finished = await self._server.expect(Finished, attempt_id=attempt_id)
        stored = self._server.log(attempt_id)
        assert (finished.lines, finished.bytes) == (stored.next_seq, len(stored.content))
        assert finished.sha256 == stored.sha256
        return finished

    async def run(self, script: str, **more: Any) -> tuple[str, Finished]:
        attempt_id = await self.start(script, **more)
        return attempt_id, await self.finish(attempt_id)

    async def settle(self, attempt_id: str) -> None:
        await self._server.send(Settled(attempt_id, 1))


@pytest_asyncio.fixture
async def scenario(server: FakeServer, worker: AgentProcess) -> Scenario:
    """A connected agent, and what to do with it."""
    worker.start()
    await server.connected()
    return Scenario(server)
