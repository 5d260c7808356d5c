"""A new build of the agent takes over what an old one has begun: two files, as they are really installed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import __version__
from agent.build import build
from protocol.frames import Cancel, Start
from tests.agent.conftest import AgentProcess, Scenario
from tests.agent.test_recovery import SLOW, numbered
from tests.agent.waiting import until

NEW_VERSION = "99.1.0"


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """This version, and one that differs from it in nothing but its number."""
    folder = tmp_path_factory.mktemp("builds")
    old, new = folder / "old.pyz", folder / "new.pyz"
    build(old)
    with zipfile.ZipFile(old) as source, new.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w") as target:
            for name in source.namelist():
                data = source.read(name)
                if name == "agent/__init__.py":
                    data = data.replace(__version__.encode(), NEW_VERSION.encode())
                target.writestr(name, data)
    return old, new


class InstalledAgent(AgentProcess):
    """Runs from a file, in a folder that has nothing else of this product."""

    program: Path

    def start(self, *options: str, **environment: str) -> None:
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(self.program), "--home", str(self.home.path), "run", *options],
                cwd=self.program.parent,
                env={**os.environ, **environment},
                stderr=errors,
            )


@pytest.fixture
def worker(home, tmp_path: Path, builds: tuple[Path, Path]) -> Iterator[InstalledAgent]:
    process = InstalledAgent(home, tmp_path / "agent.err")
    process.program = builds[0]
    yield process
    process.end()


async def test_scripts_go_on_through_an_upgrade_with_nothing_lost(
    scenario: Scenario, server, worker: InstalledAgent, builds, tmp_path
):
    go, count = tmp_path / "go", tmp_path / "count"
    script = f"echo x >> {count}; set_octopusvariable Before upgrade; " + SLOW.format(go=go)
    running, started = await scenario.started(script)
    ended, _ = await scenario.started("sleep 300")
    accepted = await scenario.accept()
    await server.until(lambda: server.log(running).next_seq > 20)
    assert server.proofs[-1].agent_version == __version__

    assert worker.stop() == 0
    os.killpg(worker.folder(ended).read_shim().child, 9)
    await until(lambda: worker.folder(ended).read_exit())
    worker.program = builds[1]
    worker.start()
    await server.connected(2)

    proof = server.proofs[-1]
    assert proof.agent_version == NEW_VERSION
    states = {one.attempt_id: one.state for one in proof.attempts}
    assert states == {running: "running", ended: "finished", accepted: "accepted"}
    assert (await scenario.finish(ended)).signal == 9
    await server.send(Start(accepted, 1, "bash", "echo new"))
    assert (await scenario.finish(accepted)).exit_code == 0
    go.touch()
    finished = await scenario.finish(running)
    assert (finished.exit_code, finished.started) == (0, started.time)
    assert [value.name for value in finished.outputs] == ["Before"]
    content = server.log(running).content
    assert numbered(content[content.index(b"line 1\n") :])
    assert count.read_text() == "x\n"
    for attempt_id in (running, ended, accepted):
        await scenario.settle(attempt_id)
        await until(lambda attempt_id=attempt_id: not worker.folder(attempt_id).path.exists())


async def test_new_build_cancels_what_the_old_one_started(scenario: Scenario, server, worker, builds):
    attempt_id, _ = await scenario.started("trap 'echo tidy; exit 9' TERM; echo begun; sleep 300 & wait")
    await server.until(lambda: server.log(attempt_id).content)
    worker.kill()
    worker.program = builds[1]
    worker.start()
    await server.connected(2)

    await server.send(Cancel(attempt_id, 1, 10.0))

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code) == ("canceled", 9)
    assert server.log(attempt_id).content == b"begun\ntidy\n"
