"""What surrounds an agent and its server goes wrong: full disks, slow disks, clocks that lie."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone

from tasks.models import Attempt, AttemptState, LogChunk, ServerTask, TaskState
from tests.chaos import scripts
from tests.chaos.checks import PATIENCE, check, settled
from tests.chaos.conftest import SEED, chosen
from tests.chaos.lanes import Lane, Lanes, gate
from tests.chaos.report import Case, Report
from tests.chaos.scripts import Script
from tests.harness.extent import FULL
from tests.harness.installation import Installation, wait_for
from tests.harness.proxy import Fault

#: For PYTHONPATH: what a wrong clock and a slow disk are made of.
SITE = Path(__file__).parents[1] / "harness" / "site"
DISK = "4m"
HOUR, DAY = 3600, 24 * 3600

Play = Callable[[Lane, Case], None]
PLAYS: dict[str, Play] = {}


def play(name: str) -> Callable[[Play], Play]:
    """Makes a function a case. All are under way beside each other, each in a lane of its own."""

    def register(function: Play) -> Play:
        PLAYS[name] = function
        return function

    return register


def two_scripts(lane: Lane, case: Case, *, bursts: int = 3) -> list[Script]:
    """The first waits at a gate."""
    first = scripts.make(lane.ledger, step=1, seed=case.seed, gate=gate(lane, case.seed), bursts=bursts)
    return [first, scripts.make(lane.ledger, step=2, seed=case.seed + 1)]


def succeeds(lane: Lane, case: Case, task: ServerTask, made: list[Script]) -> None:
    done = settled(task)
    assert done.state == TaskState.SUCCESS, done.error_message
    case.tally = check(done, made, lane.ledger)


# --- Disks ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(lane: Lane) -> Iterator[Callable[[], Path]]:
    """The agent's home is a file system of a few megabytes; calling what is given fills it, and gives the
    file that does."""
    agent = lane.agent
    agent.kill()
    kept = {path: path.read_bytes() for path in agent.home.iterdir() if path.is_file()}
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "none", str(agent.home)], capture_output=True
    )
    if done.returncode:
        agent.start()
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
    try:
        for path, content in kept.items():
            path.write_bytes(content)
        agent.start()
        yield lambda: fill(agent.home / "filler")
        lane.rest()
    finally:
        agent.stop()
        subprocess.run(["umount", "--lazy", str(agent.home)], check=True)
        agent.start()


def fill(path: Path) -> Path:
    """Takes what is left, to the last byte."""
    block = 64 * 1024
    with path.open("ab", buffering=0) as file:
        while block:
            try:
                file.write(bytes(block))
            except OSError:
                block //= 2
    return path


@play("disk full while a script prints")
def _(lane: Lane, case: Case) -> None:
    """The script is held back, or its end; nothing of what it printed is missing later."""
    with small_disk(lane) as fill_disk:
        made = two_scripts(lane, case, bursts=40)
        task = lane.run(case.name, made)
        lane.begun(task)
        filler = fill_disk()
        case.did("disk filled")
        made[0].open_gate()
        wait_for(lambda: lane.ledger.ended(task.pk), seconds=PATIENCE)
        attempt = Attempt.objects.get(execution__task=task)
        assert attempt.state == AttemptState.RUNNING
        assert attempt.log_bytes < len(made[0].stdout)
        filler.unlink()
        succeeds(lane, case, task, made)


@play("disk full at assignment")
def _(lane: Lane, case: Case) -> None:
    with small_disk(lane) as fill_disk:
        filler = fill_disk()
        case.did("disk filled")
        made = two_scripts(lane, case)
        made[0].open_gate()
        task = lane.run(case.name, made)
        # It says that it cannot accept.
        wait_for(lambda: lane.proxy.counts["error.v1"], seconds=PATIENCE)
        filler.unlink()
        succeeds(lane, case, task, made)


@play("disk full at start")
def _(lane: Lane, case: Case) -> None:
    """Either it starts once there is room, or it is said that it never started."""
    with small_disk(lane) as fill_disk:
        made = two_scripts(lane, case)
        made[0].open_gate()
        held = lane.proxy.hold("execution.start.v1")
        task = lane.run(case.name, made)
        held.wait()
        filler = fill_disk()
        case.did("disk filled")
        held.release()
        beats = lane.proxy.counts["heartbeat.v1"]
        wait_for(lambda: lane.proxy.counts["heartbeat.v1"] > beats + 3, seconds=PATIENCE)
        assert not lane.ledger.begun(task.pk)
        filler.unlink()
        done = settled(task)
        case.tally = check(done, made, lane.ledger)
        if done.state != TaskState.SUCCESS:
            assert Attempt.objects.get(execution__task=task).outcome == "not_started"


@contextmanager
def changed(lane: Lane, **environment: str) -> Iterator[None]:
    """The agent runs with a changed environment meanwhile."""
    agent = lane.agent
    agent.kill()
    agent.environment = {"PYTHONPATH": str(SITE), **environment}
    agent.start()
    try:
        yield
        lane.rest()
    finally:
        agent.kill()
        agent.environment = {}
        agent.start()


def _slow_disk(fault: Fault, lane: Lane, case: Case) -> None:
    """The agent is still writing down that it accepted a step when the line breaks and comes back."""
    with changed(lane, CHAOS_FSYNC="0.5"):
        made = two_scripts(lane, case)
        made[0].open_gate()
        rule = lane.proxy.add("execution.assign.v1", fault)
        began = time.monotonic()
        task = lane.run(case.name, made)
        rule.wait()
        case.did(fault)
        succeeds(lane, case, task, made)
        # Not only after the assignment was taken back, 30 s later.
        assert time.monotonic() - began < 25


for _fault in (Fault.CUT_AFTER, *((Fault.CUT_BEFORE, Fault.DUPLICATE) if FULL else ())):
    play(f"slow disk, {_fault} at assignment")(partial(_slow_disk, _fault))


# --- Clocks ---------------------------------------------------------------------------------------


def _wrong_clock(seconds: int, lane: Lane, case: Case) -> None:
    """The server goes by its own clock; only the times beside the log's lines are the worker's."""
    clock = lane.installation.home / f"{lane.name}.clock"
    clock.write_text(str(seconds))
    with changed(lane, CHAOS_CLOCK=str(clock)):
        made = two_scripts(lane, case)
        task = lane.run(case.name, made)
        lane.begun(task)
        chunks = LogChunk.objects.filter(attempt__execution__task=task)
        wait_for(chunks.all().exists, seconds=PATIENCE)
        clock.write_text(str(-seconds))
        case.did("clock jumped")
        made[0].open_gate()
        succeeds(lane, case, task, made)
        _goes_by_the_server(lane, task)


def _goes_by_the_server(lane: Lane, task: ServerTask) -> None:
    task.refresh_from_db()
    moments = [task.started_at, task.completed_at, lane.agent.machine.last_seen_at]
    for attempt in Attempt.objects.filter(execution__task=task):
        moments += [attempt.assigned_at, attempt.accepted_at, attempt.started_at, attempt.finished_at]
    assert all(abs(timezone.now() - moment) < timedelta(minutes=10) for moment in moments), moments


for _seconds in (-DAY, DAY) if FULL else (-DAY,):
    play(f"worker's clock wrong by {_seconds} s")(partial(_wrong_clock, _seconds))


@pytest.fixture(scope="module")
def outcomes(lanes: Lanes, report: Report, request) -> dict[str, Future[None]]:
    def work(name: str, lane: Lane) -> None:
        with report.case("environment", name, seed=SEED) as case:
            PLAYS[name](lane, case)

    return {name: lanes.submit(partial(work, name)) for name in chosen(request, "name")}


@pytest.mark.parametrize("name", PLAYS)
def test_what_surrounds_an_agent_goes_wrong(name, outcomes):
    outcomes[name].result()


@pytest.mark.parametrize("seconds", [HOUR, -HOUR] if FULL else [HOUR])
def test_the_server_s_clock_jumps(installation, lanes, report, tmp_path, seconds):
    """All leases seem to be over at once, or last for another hour: no step is started anew for it."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    _restart(installation, {"PYTHONPATH": str(SITE), "CHAOS_CLOCK": str(clock)})
    try:
        name = f"server's clock jumps by {seconds} s"
        with report.case("environment", name, seed=SEED) as case:
            lanes.submit(lambda lane: _jump(lane, case, clock, seconds)).result()
    finally:
        _restart(installation, {})


def _jump(lane: Lane, case: Case, clock: Path, seconds: int) -> None:
    made = two_scripts(lane, case)
    task = lane.run(case.name, made)
    lane.begun(task)
    beats = lane.proxy.counts["heartbeat.ack.v1"]
    clock.write_text(str(seconds))
    case.did("clock jumped")
    wait_for(lambda: lane.proxy.counts["heartbeat.ack.v1"] > beats + 2, seconds=PATIENCE)
    made[0].open_gate()
    succeeds(lane, case, task, made)


def _restart(installation: Installation, environment: dict[str, str]) -> None:
    installation.kill()
    for name in ("PYTHONPATH", "CHAOS_CLOCK"):
        installation.environment.pop(name, None)
    installation.environment |= environment
    installation.start()
