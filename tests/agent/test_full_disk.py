"""A disk without room: nothing is acknowledged that is not kept, nothing lost, and it goes on by itself."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.config import Home
from protocol.frames import Accepted, Assign, Cancel, Error, Finished, Start, Started
from tests.agent.conftest import AgentProcess, Scenario, register
from tests.agent.waiting import until

MIB = 1024 * 1024
#: Prints three megabytes that cannot be compressed to less than one and a half.
LOUD = "for i in $(seq 48); do head -c 48000 /dev/urandom | base64 -w 79; done; echo end"


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("small")
    answer = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        pytest.skip(f"A small disk cannot be mounted here: {answer.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


class Ballast:
    """A file that takes all the room that there is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def fill(self, *, but: int = 0) -> None:
        with self._path.open("ab", buffering=0) as file:
            for size in (64 * 1024, 4096, 1):
                while True:
                    try:
                        file.write(b"x" * size)
                    except OSError:
                        break
            file.truncate(max(0, file.tell() - but))

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


@pytest.fixture
def ballast(small_disk: Path) -> Iterator[Ballast]:
    found = Ballast(small_disk)
    yield found
    found.remove()


@pytest.fixture
def home(small_disk: Path, server, tools: Path) -> Home:
    return register(small_disk / uuid.uuid4().hex, server, tools)


@pytest_asyncio.fixture
async def scenario(server, worker: AgentProcess, ballast: Ballast) -> Scenario:
    worker.start()
    await server.connected()
    return Scenario(server)


async def test_what_cannot_be_kept_is_not_accepted_and_another_time_it_is(scenario, server, worker, ballast):
    ballast.fill()
    attempt_id = str(uuid.uuid4())

    await server.send(Assign(attempt_id, 1, 7, "Step"))

    refusal = await server.expect(Error, attempt_id=attempt_id)
    assert (refusal.code, refusal.fatal) == ("cannot_accept", False)
    assert "No space left" in refusal.message
    assert not server.count(Accepted, attempt_id=attempt_id)
    await until(lambda: not worker.folder(attempt_id).path.exists())
    ballast.remove()
    await server.send(Assign(attempt_id, 2, 7, "Step"))
    await server.expect(Accepted, attempt_id=attempt_id, epoch=2)


async def accept(server, *, step: str) -> str:
    attempt_id = str(uuid.uuid4())
    await server.send(Assign(attempt_id, 1, 7, step))
    await server.expect(Accepted, attempt_id=attempt_id)
    return attempt_id


#: With the second one the journal fills its block, so that there is no room for the next phase either.
STEPS = {"shim": "Step", "journal": "x" * 3800}


@pytest.mark.parametrize("stuck", STEPS)
async def test_start_waits_for_room_and_runs_once(scenario, server, worker, ballast, tmp_path, stuck):
    count = tmp_path / "count"
    attempt_id = await accept(server, step=STEPS[stuck])
    ballast.fill()
    script = f"echo x >> {count}"

    await server.send(Start(attempt_id, 1, "bash", script))
    await server.send(Start(attempt_id, 1, "bash", script))
    await until(lambda: _is_stuck(worker, attempt_id, stuck))
    assert not count.exists()
    ballast.remove()

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    assert count.read_text() == "x\n"


@pytest.mark.parametrize("stuck", STEPS)
async def test_cancel_while_it_waits_for_room_keeps_it_from_starting(
    scenario, server, worker, ballast, tmp_path, stuck
):
    mark = tmp_path / "ran"
    attempt_id = await accept(server, step=STEPS[stuck])
    ballast.fill()
    await server.send(Start(attempt_id, 1, "bash", f"touch {mark}"))
    await until(lambda: _is_stuck(worker, attempt_id, stuck))

    await server.send(Cancel(attempt_id, 1, 1.0))
    if stuck == "shim":
        await until(lambda: worker.folder(attempt_id).read_cancel() is not None)
    ballast.remove()

    assert (await scenario.finish(attempt_id)).outcome == "canceled"
    assert not mark.exists()
    assert not server.count(Started, attempt_id=attempt_id)


def _is_stuck(worker, attempt_id: str, where: str) -> bool:
    if where == "journal":
        return "No space left" in worker.errors
    folder = worker.folder(attempt_id)
    return folder.read_journal().phase == "starting" and (folder.path / "shim.json").exists()


async def test_full_spool_holds_the_script_back_and_loses_nothing(scenario, server, ballast, tmp_path):
    copy, done = tmp_path / "copy", tmp_path / "done"
    ballast.fill(but=MIB)

    attempt_id = await scenario.start(f"({LOUD}) | tee {copy}; touch {done}")
    await until(lambda: copy.exists() and copy.stat().st_size > MIB)
    size = await _at_rest(copy)
    assert not done.exists()
    ballast.remove()

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    assert copy.stat().st_size > size
    runs = server.log(attempt_id).runs()
    assert b"".join(run.data for run in runs if run.stream.name == "STDOUT") == copy.read_bytes()
    assert any(b"held the script back" in run.data for run in runs)


async def test_end_that_cannot_be_written_is_written_later(scenario, server, worker, ballast, tmp_path):
    go = tmp_path / "go"
    # An end with a large output variable, which does not fit where the script itself was.
    script = (
        f"import os, sys, time\nset_octopusvariable('Big', 'x' * 300_000)\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\nsys.exit(3)"
    )
    attempt_id, started = await scenario.started(script, syntax="python")
    await server.until(lambda: server.log(attempt_id).content.endswith(b"\n"))
    ballast.fill()
    go.touch()
    await until(lambda: not Path(f"/proc/{started.pid}").exists())
    assert worker.folder(attempt_id).read_exit() is None

    ballast.remove()

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code) == ("exited", 3)
    assert len(finished.outputs[0].value) == 300_000


async def test_script_that_fills_the_disk_can_be_cancelled(scenario, server, worker, ballast, tmp_path):
    attempt_id, started = await scenario.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    ballast.fill()

    await server.send(Cancel(attempt_id, 1, 1.0))
    await until(lambda: not Path(f"/proc/{started.pid}").exists())
    ballast.remove()

    assert (await scenario.finish(attempt_id)).outcome == "canceled"


async def test_agent_starts_and_connects_without_room(scenario, server, worker, ballast):
    worker.kill()
    ballast.fill()

    worker.start()

    await server.connected(2)
    assert not server.count(Finished)


async def _at_rest(path: Path) -> int:
    """The size of a file that has stopped growing for a while."""
    sizes = list(range(-80, 0))

    def settled() -> bool:
        sizes.append(path.stat().st_size)
        return len(set(sizes[-80:])) == 1

    await until(settled)
    return sizes[-1]
