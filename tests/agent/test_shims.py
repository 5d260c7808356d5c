"""Shims: one for each script that runs, used again while there is work, gone when there is none."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from protocol.frames import Finished, Start, Started
from tests.agent.test_recovery import zygote_of
from tests.agent.waiting import is_alive, until


def shim_of(worker, attempt_id: str) -> int:
    return worker.folder(attempt_id).read_shim().pid


def resting(worker) -> list[int]:
    """Shims are the zygote's children until it dies, and then nobody's."""
    answer = subprocess.run(
        ["pgrep", "-P", str(zygote_of(worker.pid))], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in answer.stdout.split() if is_alive(int(pid))]


async def test_shim_takes_the_next_attempt_and_nothing_of_the_last_one_is_left_in_it(
    scenario, server, worker
):
    secret = "pwd; echo one; echo hidden-4711"
    # The second may come before the first one's shim has put its things away, and gets one of its own.
    earlier = [(await scenario.run(secret, secrets=["hidden-4711"]))[0] for _ in range(2)]
    last, finished = await scenario.run("pwd; echo two; echo hidden-4711", variables={"A": "b"})

    assert shim_of(worker, last) in {shim_of(worker, attempt_id) for attempt_id in earlier}
    lines = server.log(last).content.decode().splitlines()
    assert lines == [str(worker.folder(last).work), "two", "hidden-4711"]
    assert finished.outputs == []


async def test_scripts_that_run_at_once_have_a_shim_each(scenario, server, worker, tmp_path):
    go = tmp_path / "go"
    waiting = f"until [ -e {go} ]; do sleep 0.02; done"
    ids = [(await scenario.started(waiting))[0] for _ in range(3)]

    assert len({shim_of(worker, attempt_id) for attempt_id in ids}) == 3
    go.touch()
    for attempt_id in ids:
        assert (await scenario.finish(attempt_id)).exit_code == 0


async def test_idle_agent_keeps_no_shim(scenario, worker):
    await scenario.run("true")

    await until(lambda: not resting(worker))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_resting_shim_that_is_gone_or_stuck_costs_no_job(scenario, server, worker, tmp_path, number):
    attempt_id, _ = await scenario.run("true")
    pid = shim_of(worker, attempt_id)
    os.kill(pid, number)
    count = tmp_path / "count"

    # Too large for the buffer of a socket, so that a stuck shim cannot seem to have taken it.
    _, finished = await scenario.run(f"echo x >> {count}", variables={"Large": "x" * 2_000_000})

    assert finished.exit_code == 0
    assert count.read_text() == "x\n"
    if number == signal.SIGSTOP:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: not is_alive(pid))
    assert count.read_text() == "x\n"


async def test_resting_shims_go_with_the_agent_and_working_ones_stay(scenario, server, worker, tmp_path):
    go = tmp_path / "go"
    busy, _ = await scenario.started(f"until [ -e {go} ]; do sleep 0.02; done")
    done, _ = await scenario.run("true")
    idle = shim_of(worker, done)
    assert is_alive(idle)

    worker.kill()

    await until(lambda: not is_alive(idle))
    pid = shim_of(worker, busy)
    assert is_alive(pid)
    go.touch()
    await until(lambda: worker.folder(busy).read_exit())
    await until(lambda: not is_alive(pid))


async def test_shim_killed_at_its_work_is_known_at_once(scenario, server, worker):
    attempt_id, started = await scenario.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)

    os.kill(shim_of(worker, attempt_id), signal.SIGKILL)

    finished = await server.expect(Finished, attempt_id=attempt_id)
    assert finished.outcome == "unknown"
    os.killpg(started.pid, signal.SIGKILL)


async def test_shim_that_dies_before_it_begins_is_replaced_and_the_script_runs_once(
    scenario, server, worker, tmp_path
):
    count = tmp_path / "count"
    first, _ = await scenario.run("true")
    idle = shim_of(worker, first)
    os.kill(idle, signal.SIGSTOP)
    attempt_id = await scenario.accept()
    await server.send(Start(attempt_id, 1, "bash", f"echo x >> {count}"))
    await until(lambda: worker.folder(attempt_id).read_journal().phase == "starting")

    os.kill(idle, signal.SIGKILL)

    assert (await scenario.finish(attempt_id)).exit_code == 0
    assert count.read_text() == "x\n"
    assert server.count(Started, attempt_id=attempt_id) == 1
