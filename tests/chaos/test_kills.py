"""kill -9 of each party while each message is on its way: no script runs twice, no run is lost."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum

import pytest
from django.utils import timezone

from domain.runs import Answer
from tasks.models import ServerTask, TaskState
from tasks.services import interruptions
from tests.chaos import scripts
from tests.chaos.checks import check, settled
from tests.chaos.conftest import SEED, chosen
from tests.chaos.lanes import Lane, gate
from tests.chaos.report import Case, Report
from tests.chaos.scripts import Script
from tests.harness import scenarios
from tests.harness.extent import FULL
from tests.harness.installation import wait_for
from tests.harness.proxy import LOG

#: At each of these the message waits on its way while somebody dies: what comes before it has been
#: committed, what follows from it has not.
STEPS = (
    "execution.assign.v1",
    "execution.accepted.v1",
    "execution.start.v1",
    "execution.started.v1",
    LOG,
    "log.ack.v1",
    "execution.finished.v1",
    "execution.settled.v1",
)
RETURN = ("hello.v1", "challenge.v1", "proof.v1", "welcome.v1")


class Victim(StrEnum):
    AGENT = "agent"
    ZYGOTE = "zygote"
    SHIM = "shim"
    #: One that was forked ahead and has no script yet.
    IDLE = "idle shim"


class Arrival(StrEnum):
    """When the message that waits goes on: from a dead sender, or past a living one."""

    BEFORE = "before the restart"
    AFTER = "after the restart"


@dataclass(frozen=True)
class Kill:
    victim: Victim
    type: str
    arrival: Arrival = Arrival.BEFORE

    def __str__(self) -> str:
        arrives = f", which arrives {self.arrival}" if self.victim is Victim.AGENT else ""
        return f"{self.victim} at {self.type}{arrives}".replace(" ", "-")


def kills() -> list[Kill]:
    arrivals = list(Arrival) if FULL else [Arrival.BEFORE]
    agents = (*STEPS, *RETURN) if FULL else (*STEPS, "proof.v1", "welcome.v1")
    zygotes = STEPS if FULL else ("execution.start.v1", LOG)
    shims = ("execution.started.v1", LOG, "log.ack.v1") if FULL else (LOG,)
    idle = ("execution.accepted.v1", "execution.start.v1") if FULL else ("execution.start.v1",)
    return [
        *(Kill(Victim.AGENT, type, arrival) for type in agents for arrival in arrivals),
        *(Kill(Victim.ZYGOTE, type) for type in zygotes),
        *(Kill(Victim.SHIM, type) for type in shims),
        *(Kill(Victim.IDLE, type) for type in idle),
    ]


def two_scripts(lane: Lane, case: Case) -> list[Script]:
    """The first waits at a gate, so that it is there to be killed."""
    first = scripts.make(lane.ledger, step=1, seed=case.seed, gate=gate(lane, case.seed))
    return [first, scripts.make(lane.ledger, step=2, seed=case.seed + 1)]


# --- The server: one death for all lanes, each of which waits at another message ------------------


@dataclass
class Waiting:
    """A run in a lane whose message waits on its way."""

    lane: Lane
    type: str
    made: list[Script]
    task: ServerTask


@pytest.fixture(scope="module")
def after_server(lanes, installation, request, report) -> dict[str, Future[None]]:
    types = chosen(request, "server_at")
    waiting = [_bring_to(lane, type, SEED + 1000) for lane, type in zip(lanes.all, types, strict=False)]
    installation.kill()
    # From every other one the message arrives while the server is dead.
    for one in waiting[::2]:
        one.lane.proxy.clear()
    installation.start()
    for one in waiting[1::2]:
        one.lane.proxy.clear()
    return {one.type: lanes.submit_to(one.lane, _Aftermath(one, report)) for one in waiting}


def _bring_to(lane: Lane, type: str, seed: int) -> Waiting:
    made = two_scripts(lane, Case("kills", type, seed + lane.number * 10))
    if type != LOG:
        made[0].open_gate()
    held = lane.proxy.hold(type)
    task = lane.run(f"Server dies at {type}", made)
    held.wait()
    return Waiting(lane, type, made, task)


@dataclass(frozen=True)
class _Aftermath:
    waiting: Waiting
    report: Report

    def __call__(self, lane: Lane) -> None:
        one = self.waiting
        with self.report.case("kills", f"server at {one.type}", seed=SEED) as case:
            case.did("kill server")
            one.made[0].open_gate()
            done = settled(one.task)
            assert done.state == TaskState.SUCCESS, done.error_message
            case.tally = check(done, one.made, lane.ledger)


@pytest.mark.parametrize("server_at", STEPS)
def test_the_server_dies(server_at, after_server):
    after_server[server_at].result()


# --- What runs on the worker's side ------------------------------------------------------------


@pytest.fixture(scope="module")
def outcomes(lanes, request, report) -> dict[Kill, Future[None]]:
    return {
        kill: lanes.submit(_Work(kill, report, SEED + 2000 + 2 * number))
        for number, kill in enumerate(chosen(request, "kill"))
    }


@dataclass(frozen=True)
class _Work:
    kill: Kill
    report: Report
    seed: int

    def __call__(self, lane: Lane) -> None:
        with self.report.case("kills", str(self.kill), seed=self.seed) as case:
            made = two_scripts(lane, case)
            held, task = _bring_about(lane, self.kill, made)
            _strike(lane, self.kill, held)
            case.did(f"kill {self.kill.victim}")
            made[0].open_gate()
            if self.kill.victim is Victim.SHIM:
                _answer(task)
            done = settled(task)
            assert done.state == TaskState.SUCCESS, done.error_message
            case.tally = check(done, made, lane.ledger)
            assert case.tally.unknown == (self.kill.victim is Victim.SHIM)


def _bring_about(lane: Lane, kill: Kill, made: list[Script]):
    """A run whose message waits on its way."""
    if kill.type in ("execution.finished.v1", "execution.settled.v1"):
        made[0].open_gate()
    if kill.type not in RETURN:
        held = lane.proxy.hold(kill.type)
        task = lane.run(f"{kill}", made)
    else:
        task = lane.run(f"{kill}", made)
        lane.begun(task)
        held = lane.proxy.hold(kill.type)
        lane.proxy.cut()
    held.wait()
    return held, task


def _strike(lane: Lane, kill: Kill, held) -> None:
    agent = lane.agent
    match kill.victim:
        case Victim.AGENT:
            agent.kill()
            if kill.arrival is Arrival.BEFORE:
                held.release()
            agent.start()
        case Victim.ZYGOTE:
            os.kill(agent.zygote(), signal.SIGKILL)
        case Victim.SHIM:
            shim = wait_for(lambda: next((one for one in agent.shims() if one.get("child")), None))
            os.kill(shim["pid"], signal.SIGKILL)
        case Victim.IDLE:
            for pid in wait_for(agent.forked):
                os.kill(pid, signal.SIGKILL)
    held.release()


def _answer(task: ServerTask) -> None:
    """Nobody can know what became of the script: the run waits for a person, and goes on when told to."""
    asked = settled(task)
    assert asked.state == TaskState.EXECUTING
    question = asked.interruptions.get(closed_at__isnull=True)
    assert "process that watched the script is gone" in question.text
    user = scenarios.administrator()
    interruptions.answer(question, answer=Answer.SUCCEEDED, notes="Seen.", user=user, now=timezone.now())


@pytest.mark.parametrize("kill", kills(), ids=str)
def test_something_on_the_worker_dies(kill, outcomes):
    outcomes[kill].result()
