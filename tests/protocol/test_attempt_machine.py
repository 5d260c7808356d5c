"""Two agents and a server over lines that break: the server's real rules against agents that keep to the
protocol, which here are a few lines of what docs/protocol.md says. A line keeps its order, may say a
thing twice, and when it breaks, what is on it is lost, or arrives late at the server only."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from unittest.mock import patch

import pytest
from django.db import transaction
from django.test import TestCase
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from domain.runs import Answer
from protocol import frames
from protocol.frames import Frame
from tasks.engine import attempts, contact, jobs, placement
from tasks.models import LIVE, Attempt, AttemptState, Interruption, StepState
from tasks.services import interruptions, tasks
from tests.factories import MachineFactory, UserFactory, WorkerPoolFactory
from tests.harness.extent import FULL
from tests.tasks.engine.builders import queue
from workers.models import Machine
from workers.services import machines, presence

EMPTY = sha256(b"").hexdigest()
ACCEPTED, RUNNING, FINISHED = "accepted", "running", "finished"

BEGINNING = datetime(2031, 1, 1, tzinfo=UTC)

CAPABLE = {"os": "linux", "shells": {"bash": "5.2"}}

_numbers = itertools.count()


@dataclass
class Line:
    """A connection: what is on its way up and down. `heard`: whether the agent still listens."""

    channel: str
    up: deque[Frame] = field(default_factory=deque)
    down: deque[Frame] = field(default_factory=deque)


@dataclass
class Held:
    epoch: int
    state: str = ACCEPTED
    outcome: str = ""
    reported: bool = True


@dataclass
class Agent:
    """What the protocol asks of an agent. `executed` counts what it started, whatever it forgets later."""

    machine_id: int
    executed: Counter[str]
    held: dict[str, Held] = field(default_factory=dict)
    line: Line | None = None

    def take(self, frame: Frame) -> None:
        if isinstance(frame, frames.Assign):
            self.held.setdefault(frame.attempt_id, Held(frame.epoch)).reported = True
            self.report(frame.attempt_id)
        elif frame.attempt_id in self.held:
            self.take_about(self.held[frame.attempt_id], frame)

    def take_about(self, held: Held, frame: Frame) -> None:
        """A frame about an attempt that it holds; what asks for nothing new repeats what is so."""
        match frame:
            case frames.Start(attempt_id) if held.state == ACCEPTED:
                held.state = RUNNING
                self.executed[attempt_id] += 1
            case frames.Cancel() if held.state != FINISHED:
                held.state, held.outcome = FINISHED, "canceled"
            case frames.Forget(attempt_id):
                del self.held[attempt_id]
            case frames.Settled(attempt_id) if held.state == FINISHED:
                del self.held[attempt_id]
        if frame.attempt_id in self.held:
            self.report(frame.attempt_id)

    def end(self, attempt_id: str, outcome: str) -> None:
        held = self.held[attempt_id]
        held.state, held.outcome = FINISHED, outcome
        self.report(attempt_id)

    def report(self, attempt_id: str) -> None:
        """Without a verdict it keeps the attempt and says nothing about it."""
        held = self.held[attempt_id]
        if self.line is None or not held.reported:
            return
        match held.state:
            case "accepted":
                self.line.up.append(frames.Accepted(attempt_id, held.epoch))
            case "running":
                self.line.up.append(frames.Started(attempt_id, held.epoch, 1, 0.0))
            case _:
                self.line.up.append(self.finish(attempt_id, held))

    def finish(self, attempt_id: str, held: Held) -> frames.Finished:
        return frames.Finished(
            attempt_id=attempt_id,
            epoch=held.epoch,
            outcome=held.outcome,
            exit_code={"exited": 0, "failed": 3}.get(held.outcome),
            signal=None,
            message="",
            lines=0,
            bytes=0,
            sha256=EMPTY,
            started=0.0,
            ended=1.0,
        )


def committed(function: Callable[..., object], *args: object, **kwargs: object) -> object:
    """Calls, and does what waits for the commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return function(*args, **kwargs)


class AttemptMachine(RuleBasedStateMachine):
    @initialize(settle=st.sampled_from(["ask", "ask", "rerun"]))
    def queue_a_run(self, settle: str) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        # Never the same twice: the engine knows a run by its number and the moment when it was queued.
        self.now = BEGINNING + timedelta(days=next(_numbers))
        self.executed: Counter[str] = Counter()
        self.again: Counter[int] = Counter()
        self.late: list[tuple[int, Frame]] = []
        self.lines: dict[str, Line] = {}
        self.deaf = False
        pool = WorkerPoolFactory()
        rows = [MachineFactory(space=pool.space, pools=[pool], slots=1, channel="") for _ in range(2)]
        self.agents = [Agent(row.pk, self.executed) for row in rows]
        self.user = UserFactory()
        for agent in self.agents:
            self.connect(agent)
        self.task = queue("echo 1", "echo 2", pool=pool, now=self.now)
        self.task.executions.update(rules={} if settle == "ask" else {"settle": settle})
        self.settle = settle
        self.sweep()

    def teardown(self) -> None:
        if not hasattr(self, "transaction"):
            return
        try:
            if hasattr(self, "settle"):
                self.end_well()
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def end_well(self) -> None:
        """From here on all goes well: what was begun comes to its end, and nobody holds anything."""
        self.deaf = False
        for _ in range(80):
            self.heal()
            self.task.refresh_from_db()
            if self.task.is_completed and not any(agent.held for agent in self.agents):
                break
        assert self.task.is_completed, f"The run never ends: {list(self.task.executions.values())}"
        assert not any(agent.held for agent in self.agents), "An agent keeps what nobody wants."
        assert not Machine.objects.filter(busy_slots__gt=0).exists(), "A slot is taken for ever."

    def heal(self) -> None:
        for agent in self.agents:
            if agent.line is None:
                self.connect(agent)
            while agent.line and (agent.line.up or agent.line.down):
                self.hear(agent, agent.line)
                self.listen(agent, agent.line)
            for attempt_id in [id for id, held in agent.held.items() if held.state == RUNNING]:
                agent.end(attempt_id, "exited")
        question = Interruption.objects.filter(task=self.task, closed_at__isnull=True).first()
        if question:
            self.reply(question, Answer.SUCCEEDED)
        self.pass_time(1)

    # --- What happens on the lines ----------------------------------------------------------------

    def sent(self, channel: str, message: dict[str, str]) -> None:
        line = self.lines.get(channel)
        if line is not None and not self.deaf:
            line.down.append(frames.decode(message["frame"]))

    def server(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        with patch("common.live.send", self.sent):
            return committed(function, *args, now=self.now, **kwargs)

    def connect(self, agent: Agent) -> None:
        agent.line = line = Line(f"channel-{next(_numbers)}")
        self.lines[line.channel] = line
        presence.connected(agent.machine_id, line.channel, "1", "boot", CAPABLE, self.now)
        held = [frames.HeldAttempt(id, one.epoch, one.state, 0) for id, one in agent.held.items()]
        for one in agent.held.values():
            one.reported = False
        verdicts, after = self.server(contact.reconcile, agent.machine_id, held)
        for verdict in verdicts:
            if verdict.verdict == "forget":
                agent.held.pop(verdict.attempt_id, None)
                continue
            agent.held[verdict.attempt_id].reported = True
            agent.report(verdict.attempt_id)
            if verdict.cancel:
                agent.take(frames.Cancel(verdict.attempt_id, agent.held[verdict.attempt_id].epoch, 1.0))
        line.down.extend(after)
        self.server(placement.place_all)

    def hear(self, agent: Agent, line: Line) -> None:
        """The server takes the next frame; its answer goes down the same line."""
        if line.up:
            answer = self.handle(agent.machine_id, line.up.popleft())
            if answer is not None:
                line.down.append(answer)

    def handle(self, machine_id: int, frame: Frame) -> Frame | None:
        match frame:
            case frames.Accepted():
                return self.server(attempts.accepted, machine_id, frame)
            case frames.Started():
                return self.server(attempts.started, machine_id, frame)
            case _:
                return self.server(attempts.finished, machine_id, frame)

    def listen(self, agent: Agent, line: Line) -> None:
        if line.down:
            agent.take(line.down.popleft())

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for agent in self.agents:
            if agent.line:
                presence.heartbeat(agent.machine_id, self.now)
        self.sweep()

    def sweep(self) -> None:
        self.server(jobs.sweep)

    def reply(self, question: Interruption, answer: Answer) -> None:
        self.again[question.execution_id] += answer is Answer.RETRY
        self.server(interruptions.answer, question, answer=answer, notes="", user=self.user)

    # --- What happens ---------------------------------------------------------------------------

    which = st.integers(0, 1)

    @rule(which=which, count=st.integers(1, 3))
    def the_server_hears(self, which: int, count: int) -> None:
        agent = self.agents[which]
        for _ in range(count):
            if agent.line:
                self.hear(agent, agent.line)

    @rule(which=which, count=st.integers(1, 3))
    def the_agent_listens(self, which: int, count: int) -> None:
        agent = self.agents[which]
        for _ in range(count):
            if agent.line:
                self.listen(agent, agent.line)

    @rule(which=which, up=st.booleans())
    def the_next_frame_comes_twice(self, which: int, up: bool) -> None:
        line = self.agents[which].line
        queue = (line.up if up else line.down) if line else deque()
        if queue:
            queue.appendleft(queue[0])

    @rule(which=which, arrives=st.booleans())
    def the_line_breaks(self, which: int, arrives: bool) -> None:
        """What the agent said is lost, or the server gets it later, from a line that is gone."""
        agent = self.agents[which]
        if agent.line is None:
            return
        if arrives:
            self.late += [(agent.machine_id, frame) for frame in agent.line.up]
        del self.lines[agent.line.channel]
        machines.disconnected(agent.machine_id, agent.line.channel, self.now)
        agent.line = None

    @precondition(lambda self: self.late)
    @rule()
    def something_late_arrives(self) -> None:
        self.handle(*self.late.pop(0))

    @rule(deaf=st.sampled_from([True, False, False]))
    def the_channel_layer_fails_or_works(self, deaf: bool) -> None:
        """What the engine sends by itself, not in answer to an agent, goes through it, best effort."""
        self.deaf = deaf

    @rule(which=which)
    def the_agent_comes_back(self, which: int) -> None:
        if self.agents[which].line is None:
            self.connect(self.agents[which])

    @rule(which=which, outcome=st.sampled_from(["exited", "failed", "unknown", "signalled", "not_started"]))
    def a_script_ends(self, which: int, outcome: str) -> None:
        agent = self.agents[which]
        for attempt_id in [id for id, held in agent.held.items() if held.state == RUNNING]:
            agent.end(attempt_id, outcome)

    @rule(which=which)
    def the_agent_loses_its_disk(self, which: int) -> None:
        self.agents[which].held.clear()
        self.the_line_breaks(which, arrives=False)

    @rule(seconds=st.sampled_from([1, 1, 3, 3, 31, 61, 125]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: self.task.queued_at < self.now - timedelta(minutes=1))
    @rule()
    def somebody_cancels(self) -> None:
        self.server(tasks.cancel, self.task, user=self.user)

    @rule(answer=st.sampled_from([Answer.RETRY, Answer.RETRY, Answer.SUCCEEDED, Answer.FAILED]))
    def somebody_answers(self, answer: Answer) -> None:
        question = Interruption.objects.filter(task=self.task, closed_at__isnull=True).first()
        if question:
            self.reply(question, answer)

    # --- What has to be true --------------------------------------------------------------------

    @invariant()
    def each_attempt_is_executed_at_most_once(self) -> None:
        assert not [id for id, times in self.executed.items() if times > 1]

    @invariant()
    def what_was_taken_back_never_ran(self) -> None:
        withdrawn = Attempt.objects.filter(state=AttemptState.WITHDRAWN).values_list("pk", flat=True)
        assert not {str(pk) for pk in withdrawn} & set(self.executed)

    @invariant()
    def a_step_runs_again_only_when_somebody_says_so(self) -> None:
        for step in self.task.executions.all():
            started = step.attempts.exclude(state=AttemptState.WITHDRAWN)
            unknown = started.filter(state=AttemptState.UNKNOWN).count() if self.settle == "rerun" else 0
            assert started.count() <= 1 + self.again[step.pk] + unknown

    @invariant()
    def slots_are_held_by_live_attempts_and_nobody_else(self) -> None:
        for machine in Machine.objects.all():
            live = Attempt.objects.filter(machine=machine, state__in=LIVE).count()
            assert machine.busy_slots == live, f"{machine.busy_slots} slots taken by {live} attempts"

    @invariant()
    def a_run_is_over_or_something_will_move_it_on(self) -> None:
        self.task.refresh_from_db()
        states = list(self.task.executions.values_list("state", flat=True))
        moving = [s for s in states if s in (StepState.WAITING, StepState.RUNNING, StepState.INTERRUPTED)]
        live = Attempt.objects.filter(execution__task=self.task, state__in=LIVE).count()
        asked = Interruption.objects.filter(task=self.task, closed_at__isnull=True).count()
        assert len(moving) == (not self.task.is_completed), states
        assert live == states.count(StepState.RUNNING)
        assert asked == states.count(StepState.INTERRUPTED) == self.task.awaits_answer


@pytest.mark.django_db
def test_no_script_runs_twice_over_any_line(space):
    examples = 300 if FULL else 15
    extent = settings(max_examples=examples, stateful_step_count=25, deadline=None)
    run_machine(AttemptMachine, settings=extent)
