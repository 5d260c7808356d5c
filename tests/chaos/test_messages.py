"""Each message of the protocol, in each direction, is lost, doubled, delayed or overtaken once, before and
after its receiver has acted on it. The run does not notice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import pytest
from django.utils import timezone

from tasks.models import Attempt, AttemptState, ServerTask, TaskState
from tasks.services import tasks
from tests.chaos import scripts
from tests.chaos.checks import Tally, check, settled
from tests.chaos.conftest import SEED
from tests.chaos.lanes import Lane, gate
from tests.chaos.report import Case, Report
from tests.chaos.scripts import Script
from tests.harness import scenarios
from tests.harness.extent import FULL
from tests.harness.installation import wait_for
from tests.harness.proxy import LOG, Chance, Fault, Rule

CUTS = (Fault.CUT_BEFORE, Fault.CUT_AFTER)
#: What a handshake's messages can meet: they are asked and answered one by one, so nothing overtakes them.
LONELY = (*CUTS, Fault.DUPLICATE, Fault.DELAY)
ANY = (*LONELY, Fault.REORDER, Fault.BLACK_HOLE)

#: While a run goes its way.
IN_A_RUN = (
    "execution.assign.v1",
    "execution.accepted.v1",
    "execution.start.v1",
    "execution.started.v1",
    LOG,
    "log.ack.v1",
    "execution.finished.v1",
    "execution.settled.v1",
)
#: While an agent comes back to a script that runs.
IN_A_HANDSHAKE = ("hello.v1", "challenge.v1", "proof.v1", "welcome.v1")
WHILE_WAITING = ("heartbeat.v1", "heartbeat.ack.v1")
WHEN_STOPPED = ("execution.cancel.v1", "execution.forget.v1")


@dataclass(frozen=True)
class Harm:
    """The fault that meets the `nth` message of a type."""

    type: str
    fault: Fault
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.type} {self.nth}: {self.fault}".replace(" ", "-")


def cases() -> list[Harm]:
    found = [Harm(type, fault) for type in IN_A_RUN for fault in (*CUTS, Fault.DUPLICATE, Fault.REORDER)]
    found += [Harm(type, fault) for type in IN_A_HANDSHAKE for fault in (*CUTS, Fault.DUPLICATE)]
    found += [Harm(type, Fault.BLACK_HOLE) for type in ("execution.accepted.v1", LOG)]
    found += [Harm(type, fault) for type in WHEN_STOPPED for fault in CUTS]
    found += [Harm("heartbeat.v1", Fault.CUT_BEFORE), Harm("heartbeat.ack.v1", Fault.CUT_BEFORE)]
    return [*found, *(harm for harm in all_cases() if harm not in found)] if FULL else found


def all_cases() -> list[Harm]:
    """The second message of a type belongs to the second step."""
    found = [Harm(type, fault, nth) for nth in (1, 2) for type in IN_A_RUN for fault in ANY]
    found += [Harm(LOG, fault, nth) for nth in (3, 4, 5) for fault in ANY]
    found += [Harm(type, fault) for type in IN_A_HANDSHAKE for fault in (*LONELY, Fault.BLACK_HOLE)]
    found += [Harm("welcome.v1", Fault.REORDER)]
    found += [Harm(type, fault) for type in WHILE_WAITING for fault in (*CUTS, Fault.BLACK_HOLE)]
    return found + [Harm(type, fault) for type in WHEN_STOPPED for fault in ANY]


@pytest.fixture(scope="module")
def outcomes(lanes, report, request) -> dict[object, Future[None]]:
    """All chosen cases are under way at once; each test waits for its own."""
    chosen = [item for item in request.session.items if item.module is request.module]
    found: dict[object, Future[None]] = {}
    for number, item in enumerate(chosen):
        case = next(iter(item.callspec.params.values()))
        found[case] = lanes.submit(_Work(item.function.play, case, report, SEED + number))
    return found


@dataclass(frozen=True)
class _Work:
    play: Callable[[Lane, object, Case], None]
    case: object
    report: Report
    seed: int

    def __call__(self, lane: Lane) -> None:
        with self.report.case("messages", str(self.case), seed=self.seed) as case:
            self.play(lane, self.case, case)
            for fault, times in lane.proxy.harm.items():
                case.did(fault, times if fault is not Fault.HOLD else 0)


def two_scripts(lane: Lane, case: Case, *, gated: bool = False) -> list[Script]:
    first = scripts.make(lane.ledger, step=1, seed=case.seed, gate=gate(lane, case.seed) if gated else None)
    return [first, scripts.make(lane.ledger, step=2, seed=case.seed + 1)]


def finish(lane: Lane, task: ServerTask, made: list[Script], *, state: TaskState) -> Tally:
    done = settled(task)
    assert done.state == state, done.error_message
    return check(done, made, lane.ledger)


def play(lane: Lane, harm: Harm, case: Case) -> None:
    if harm.type == "execution.cancel.v1":
        _play_cancel(lane, harm, case)
    elif harm.type == "execution.forget.v1":
        _play_forget(lane, harm, case)
    elif harm.type in IN_A_RUN:
        _play_run(lane, harm, case)
    else:
        _play_return(lane, harm, case)


def _add(lane: Lane, harm: Harm) -> Rule:
    return lane.proxy.add(harm.type, harm.fault, nth=harm.nth)


def _play_run(lane: Lane, harm: Harm, case: Case) -> None:
    made = two_scripts(lane, case)
    rule = _add(lane, harm)
    task = lane.run(f"{harm} {case.seed}", made)
    case.tally = finish(lane, task, made, state=TaskState.SUCCESS)
    rule.wait()


def _play_return(lane: Lane, harm: Harm, case: Case) -> None:
    """The line breaks while a script runs, and again while the agent comes back."""
    made = two_scripts(lane, case, gated=True)
    task = lane.run(f"{harm} {case.seed}", made)
    lane.begun(task)
    rule = _add(lane, harm)
    if harm.type in IN_A_HANDSHAKE:
        lane.proxy.cut()
    rule.wait()
    made[0].open_gate()
    case.tally = finish(lane, task, made, state=TaskState.SUCCESS)


def _play_cancel(lane: Lane, harm: Harm, case: Case) -> None:
    made = two_scripts(lane, case, gated=True)
    task = lane.run(f"{harm} {case.seed}", made)
    lane.begun(task)
    rule = _add(lane, harm)
    tasks.cancel(task, user=scenarios.administrator(), now=timezone.now())
    case.tally = finish(lane, task, made, state=TaskState.CANCELED)
    rule.wait()


def _play_forget(lane: Lane, harm: Harm, case: Case) -> None:
    """The assignment is withdrawn while it is under way: the agent hears of both."""
    made = two_scripts(lane, case)
    assignment = lane.proxy.hold("execution.assign.v1")
    task = lane.run(f"{harm} {case.seed}", made)
    assignment.wait()
    rule = _add(lane, harm)
    tasks.cancel(task, user=scenarios.administrator(), now=timezone.now())
    wait_for(lambda: Attempt.objects.filter(execution__task=task, state=AttemptState.WITHDRAWN).exists())
    assignment.release()
    rule.wait()
    case.tally = finish(lane, task, made, state=TaskState.CANCELED)
    assert case.tally.begun == 0


@pytest.mark.parametrize("harm", cases(), ids=str)
def test_one_fault(harm, outcomes):
    outcomes[harm].result()


test_one_fault.play = play

#: A fault for every third message, until there have been as many.
MANY = 12 if FULL else 5


def play_many(lane: Lane, number: int, case: Case) -> None:
    made = two_scripts(lane, case)
    lane.proxy.chance = Chance(case.seed, share=0.3, faults=ANY[:-1], most=MANY)
    task = lane.run(f"Many faults {case.seed}", made)
    # After so many broken lines an agent waits up to 15 s before it tries again, each time.
    done = settled(task, seconds=60 + 15 * MANY)
    assert done.state == TaskState.SUCCESS, done.error_message
    case.tally = check(done, made, lane.ledger)


@pytest.mark.parametrize("number", range(40 if FULL else 3))
def test_many_faults(number, outcomes):
    outcomes[number].result()


test_many_faults.play = play_many
