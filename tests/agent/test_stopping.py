"""Scripts that will not die, and shims that will not answer: given up after a while, with what is known."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.output import Recorder
from agent.outputs import Outputs
from agent.spool import SpoolWriter, summarise
from agent.watch import Watch
from protocol.frames import Cancel, Finished
from protocol.masking import Patterns
from tests.agent.conftest import AgentProcess, Scenario
from tests.agent.waiting import is_alive, until


@pytest_asyncio.fixture
async def hasty(server, worker: AgentProcess) -> Scenario:
    """An agent that gives up soon, so that the test need not last two minutes."""
    worker.start("--abandon-after", "1")
    await server.connected()
    return Scenario(server)


async def test_shim_that_does_not_answer_is_killed_with_its_script_and_abandoned(hasty, server, worker):
    attempt_id, started = await hasty.started("trap '' TERM; echo begun; sleep 300 & wait; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    shim = worker.folder(attempt_id).read_shim().pid
    os.kill(shim, signal.SIGSTOP)

    await server.send(Cancel(attempt_id, 1, 0.1))

    finished = await hasty.finish(attempt_id)
    assert (finished.outcome, finished.exit_code, finished.signal) == ("abandoned", None, None)
    assert "did not answer the cancellation" in finished.message
    assert f"process {started.pid} is gone" in finished.message
    assert server.log(attempt_id).content == b"begun\n"
    assert not is_alive(shim)
    await hasty.settle(attempt_id)
    await until(lambda: not worker.folder(attempt_id).path.exists())


async def test_cancel_that_an_earlier_agent_heard_is_seen_through(hasty, server, worker):
    attempt_id, _ = await hasty.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    os.kill(worker.folder(attempt_id).read_shim().pid, signal.SIGSTOP)
    await server.send(Cancel(attempt_id, 1, 0.1))
    await until(lambda: worker.folder(attempt_id).read_cancel() is not None)
    worker.kill()

    worker.start("--abandon-after", "1")

    assert (await hasty.finish(attempt_id)).outcome == "abandoned"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        yield process
        process.kill()


async def test_nothing_else_is_killed_that_has_the_scripts_number_by_now(hasty, server, worker, bystander):
    attempt_id, started = await hasty.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    folder = worker.folder(attempt_id)
    os.kill(folder.read_shim().pid, signal.SIGSTOP)
    folder.write_shim(type(record := folder.read_shim())(**{**vars(record), "child": bystander.pid}))

    await server.send(Cancel(attempt_id, 1, 0.1))
    finished = await server.expect(Finished, attempt_id=attempt_id)

    assert finished.outcome == "abandoned"
    assert bystander.poll() is None
    os.killpg(started.pid, signal.SIGKILL)


def test_script_that_outlives_its_killing_is_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # A process that hangs in the kernel is hard to come by: here the signals do not arrive.
    monkeypatch.setattr(Watch, "_send", lambda self, number: sent.append(number))
    sent: list[int] = []
    child = subprocess.Popen(
        ["sh", "-c", "echo begun; exec sleep 300"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    spool = SpoolWriter(tmp_path / "spool")
    recorder = Recorder(spool)
    patterns = Patterns([])
    reader, _ = os.pipe()
    began = time.monotonic()
    watch = Watch(
        child,
        patterns=patterns,
        outputs=Outputs(patterns),
        recorder=recorder,
        spool=spool,
        signals=reader,
        cancelled=lambda: 0.1,
        abandon_seconds=0.5,
        announce=lambda: None,
    )

    ending = watch.run()

    assert ending.outcome == "abandoned"
    assert f"Process {child.pid} did not end when it was killed" in ending.message
    assert sent[:2] == [signal.SIGTERM, signal.SIGKILL]
    assert time.monotonic() - began >= 0.5
    assert summarise(tmp_path / "spool")[0] == 1
    child.kill()
    child.wait()
