"""The state machine of a run under everything that may happen to it, in any order, doubled and late.

Beside the run stands what the engine would have by now: steps that look for a worker, scripts that run,
pauses before the next try, open questions. Both have to agree after each event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.flow import CannotJudge
from domain.runs import (
    BAD,
    ENDED,
    FINAL,
    Admitted,
    Answer,
    Answered,
    Ask,
    CancelRequested,
    Complete,
    Decision,
    Event,
    ExcludeWorker,
    Expired,
    FindWorker,
    Placed,
    Question,
    RetryDue,
    RetryLater,
    Run,
    RunStatus,
    RunTimeUp,
    Step,
    StepEnded,
    StepStatus,
    StopStep,
    TimeUp,
    Withdrawn,
    choices,
    decide,
)
from domain.step_rules import Backoff, Condition, Settle, StepRules
from domain.units import Place
from tests.harness.extent import FULL

ENDINGS = (StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.CANCELED, StepStatus.UNKNOWN)
AGAIN = (Answer.RETRY, Answer.EXCLUDE)
#: The state that a step is in after an effect, and that it is in only with this effect.
STATE_OF: dict[type, StepStatus] = {
    FindWorker: StepStatus.WAITING,
    RetryLater: StepStatus.RETRYING,
    Ask: StepStatus.INTERRUPTED,
}

rules = st.builds(
    StepRules,
    retries=st.integers(0, 2),
    retry_after=st.sampled_from([0, 0, 30]),
    manual=st.sampled_from([False, False, False, True]),
    settle=st.sampled_from(Settle),
    condition=st.sampled_from([Condition.SUCCESS] * 4 + list(Condition)),
    backoff=st.sampled_from(Backoff),
    retry_codes=st.sampled_from([(), (), (75,)]),
    required=st.booleans(),
)


class Joins(Enum):
    """How a unit follows the one before it."""

    STAGE = "after it"
    STEP = "beside its step"
    LANE = "beside its lane"
    UNIT = "after it in its lane"


UNITS = 5
LEVELS = {"stage": {Joins.STAGE}, "step": {Joins.STAGE, Joins.STEP}, "lane": set(Joins) - {Joins.UNIT}}
shapes = st.one_of(
    st.just([Joins.STAGE] * UNITS), st.lists(st.sampled_from(Joins), min_size=UNITS, max_size=UNITS)
)
limits = st.sampled_from([0, 1, 2])
#: What expressions come to, by number; None cannot be evaluated.
truths = st.lists(st.sampled_from([True, False, None]), min_size=UNITS, max_size=UNITS)


def places(shape: list[Joins], abreast: int, window: int) -> list[Place]:
    """Groups are named by the number of their first unit."""
    first = dict.fromkeys(LEVELS, 1)
    made = []
    for number, join in enumerate(shape, start=1):
        first |= {level: number for level, begins in LEVELS.items() if number == 1 or join in begins}
        made.append(Place(**first, abreast=abreast, window=window))
    return made


beginnings = st.sampled_from([StepStatus.PENDING] * 4 + [StepStatus.SKIPPED, StepStatus.SUCCESS])
numbers = st.integers(1, UNITS)
anything = st.one_of(
    st.just(Admitted()),
    st.builds(Placed, numbers),
    st.builds(StepEnded, numbers, st.sampled_from(ENDINGS), st.just("Why."), st.sampled_from([1, 75])),
    st.builds(Withdrawn, numbers),
    st.builds(RetryDue, numbers),
    st.builds(Answered, numbers, st.sampled_from(Answer), st.just("Somebody answered.")),
    st.builds(TimeUp, numbers),
    st.sampled_from([Expired("Too long."), CancelRequested("ada")]),
)


def run_of(guided: bool, steps: list[tuple[StepStatus, StepRules]], where: list[Place]) -> Run:
    made = [
        Step(number, f"step {number}", status, own, place=place)
        for number, ((status, own), place) in enumerate(zip(steps, where, strict=True), start=1)
    ]
    return Run(RunStatus.QUEUED, tuple(made), guided=guided)


@dataclass
class Allowance:
    """How often a step may have run, and how often it did."""

    allowed: int = 1
    ran: int = 0


def asked_of(step: Step) -> tuple[Answer, ...]:
    return choices(step.question, required=step.rules.required) if step.question else ()


class RunMachine(RuleBasedStateMachine):
    @initialize(
        guided=st.booleans(),
        steps=st.lists(st.tuples(beginnings, rules), min_size=UNITS, max_size=UNITS),
        where=st.builds(places, shapes, limits, limits),
        truth=truths,
    )
    def queue(
        self,
        guided: bool,
        steps: list[tuple[StepStatus, StepRules]],
        where: list[Place],
        truth: list[bool | None],
    ) -> None:
        self.run = self.first = run_of(guided, steps, where)
        self.truth = truth
        self.past: list[Event] = []
        self.completed: list[Complete] = []
        self.stops: Counter[int] = Counter()
        self.turns = {step.number: Allowance() for step in self.run.steps}

    def judge(self, run: Run, step: Step, *, of_parent: bool = False) -> bool:
        told = self.truth[step.number - 1]
        if told is None:
            raise CannotJudge("It makes no sense.")
        return told

    # --- What happens ---------------------------------------------------------------------------

    @precondition(lambda self: self.run.status not in FINAL)
    @rule(data=st.data())
    def something_that_fits(self, data: st.DataObject) -> None:
        at_work = [s for s in self.run.steps if s.status in self.OUTCOMES]
        step = data.draw(st.sampled_from(at_work)) if at_work else None
        if step is None:
            self.apply(Admitted())
        elif step.question:
            answer = data.draw(st.sampled_from(asked_of(step)))
            self.apply(Answered(step.number, answer, "Somebody answered."))
        else:
            self.apply(data.draw(st.sampled_from(self.OUTCOMES[step.status](step.number))))

    OUTCOMES: ClassVar[dict[StepStatus, Callable[[int], list[Event]]]] = {
        StepStatus.WAITING: lambda number: [Placed(number)],
        StepStatus.RUNNING: lambda number: [StepEnded(number, status, "Why.") for status in ENDINGS],
        StepStatus.RETRYING: lambda number: [RetryDue(number)],
        StepStatus.INTERRUPTED: lambda number: [],
    }

    @rule(event=anything)
    def something(self, event: Event) -> None:
        """Mostly at the wrong moment."""
        self.apply(event)

    # Rare, so that others get their turn before.
    @precondition(lambda self: len(self.past) > 6)
    @rule(event=st.sampled_from([RunTimeUp("Out of time."), Expired("Too long."), CancelRequested("ada")]))
    def something_that_ends_it(self, event: Event) -> None:
        self.apply(event)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def something_comes_late(self, data: st.DataObject) -> None:
        self.apply(data.draw(st.sampled_from(self.past)))

    # --- What has to be true of each event --------------------------------------------------------

    def apply(self, event: Event) -> None:
        before = self.run
        decision = decide(before, event, self.judge)
        again = decide(decision.run, event, self.judge)
        assert again.run == decision.run, "an event that came twice counted twice"
        assert {type(effect) for effect in again.effects} <= {StopStep}, "it had effects twice"
        self.check_moves(before, decision, event)
        self.check_turns(before, decision)
        self.check_taken(before, decision, event)
        self.check_effects(before, decision)
        self.count(before, decision, event)
        self.run = decision.run
        self.past.append(event)

    def check_moves(self, before: Run, decision: Decision, event: Event) -> None:
        if before.status in FINAL:
            assert decision == Decision(before), "a run that was over moved"
        if before.status is RunStatus.CANCELLING:
            assert decision.run.status in {RunStatus.CANCELLING, RunStatus.CANCELED, RunStatus.TIMED_OUT}
        for old, new in zip(before.steps, decision.run.steps, strict=True):
            assert old.status not in ENDED or new == old, "a step that was over moved"
            assert (old.number, old.name, old.rules, old.at) == (new.number, new.name, new.rules, new.at)
            assert new.failures >= old.failures
            if new.status is StepStatus.RUNNING and old.status is not StepStatus.RUNNING:
                assert event == Placed(new.number), "it runs, and nobody found a worker"
                assert old.status is StepStatus.WAITING
            if old.status is StepStatus.INTERRUPTED and new.status not in (old.status, StepStatus.CANCELED):
                assert isinstance(event, Answered), "a question went away, and nobody answered"
                assert event.answer in asked_of(old)

    def check_turns(self, before: Run, decision: Decision) -> None:
        """Who begins or is passed over does so at its turn, and for the reason that its condition gives."""
        for old, new in zip(before.steps, decision.run.steps, strict=True):
            if old.status is StepStatus.PENDING and new.status not in (old.status, StepStatus.CANCELED):
                self.check_turn(decision.run, new)

    def check_turn(self, run: Run, unit: Step) -> None:
        ahead = [s for s in run.steps if s.number < unit.at.stage]
        ahead += [s for s in run.steps if unit.at.lane <= s.number < unit.number]
        assert all(s.status in ENDED for s in ahead), "it did not wait for its turn"
        failed = any(s.status in BAD for s in ahead)
        beside = any(s.status in BAD for s in run.steps if s.at.stage == unit.at.stage and s is not unit)
        told = self.truth[unit.number - 1]
        may_be = {
            Condition.SUCCESS: {failed, failed or beside},
            Condition.FAILURE: {not failed},
            Condition.ALWAYS: {False},
            Condition.VARIABLE: {told is False},
        }
        is_skipped = unit.status is StepStatus.SKIPPED
        assert is_skipped in may_be[unit.rules.condition]
        assert is_skipped == unit.message.startswith("Not run, because")
        if unit.rules.condition is Condition.VARIABLE and told is None:
            assert unit.status is StepStatus.FAILED

    def check_taken(self, before: Run, decision: Decision, event: Event) -> None:
        """An event at its right moment is never passed over."""
        waits_for = {
            Placed: StepStatus.WAITING,
            Withdrawn: StepStatus.RUNNING,
            StepEnded: StepStatus.RUNNING,
            RetryDue: StepStatus.RETRYING,
        }.get(type(event))
        if waits_for and before.step(event.number).status is waits_for:
            assert decision.run.step(event.number).status is not waits_for, "it was passed over"
        if isinstance(event, Answered) and (asked := before.step(event.number).question):
            taken = decision.run.step(event.number).question is not asked
            assert taken == (event.answer in asked_of(before.step(event.number)))
        if isinstance(event, CancelRequested):
            assert decision.run.status not in {RunStatus.QUEUED, RunStatus.EXECUTING}

    def check_effects(self, before: Run, decision: Decision) -> None:
        entered = {
            (new.number, new.status)
            for old, new in zip(before.steps, decision.run.steps, strict=True)
            if new.status is not old.status and new.status in STATE_OF.values()
        }
        asked = {(e.number, STATE_OF[type(e)]) for e in decision.effects if type(e) in STATE_OF}
        assert asked == entered, "what is asked of the engine is not what the steps wait for"
        for effect in decision.effects:
            match effect:
                case StopStep(number):
                    assert decision.run.step(number).status is StepStatus.RUNNING
                case Ask(number, question):
                    assert decision.run.step(number).question is question
                case ExcludeWorker(number):
                    assert FindWorker(number) in decision.effects
                case RetryLater(number, seconds):
                    failed = decision.run.step(number)
                    assert seconds == failed.rules.pause_after(failed.failures) > 0
                case Complete():
                    assert effect is decision.effects[-1]
        if decision.run.status is RunStatus.CANCELLING:
            assert {type(effect) for effect in decision.effects} <= {StopStep}

    def count(self, before: Run, decision: Decision, event: Event) -> None:
        """What entitles a step to run once more: nothing but these."""
        self.completed += [effect for effect in decision.effects if isinstance(effect, Complete)]
        self.stops.update(effect.number for effect in decision.effects if isinstance(effect, StopStep))
        if decision.run == before:
            return
        match event:
            case Placed(number):
                self.turns[number].ran += 1
            case Withdrawn(number):
                # It provably never started, so this turn was none.
                self.turns[number].ran -= 1
            case StepEnded(number, StepStatus.FAILED, _, code):
                tried = before.step(number)
                counts = not tried.rules.retry_codes or code in tried.rules.retry_codes
                self.turns[number].allowed += counts and tried.failures < tried.rules.retries
            case StepEnded(number, StepStatus.UNKNOWN):
                self.turns[number].allowed += before.step(number).rules.settle is Settle.RERUN
            case Answered(number, answer):
                self.turns[number].allowed += answer in AGAIN

    # --- What has to be true at all times ---------------------------------------------------------

    @invariant()
    def nothing_runs_more_often_than_it_may(self) -> None:
        for number, turn in self.turns.items():
            assert 0 <= turn.ran <= turn.allowed, f"step {number} ran {turn.ran} times of {turn.allowed}"

    @invariant()
    def it_is_completed_once_and_exactly_when_it_is_over(self) -> None:
        assert len(self.completed) == (self.run.status in FINAL)
        if self.run.status in FINAL:
            assert all(step.status in ENDED for step in self.run.steps)

    @invariant()
    def something_will_move_it_on(self) -> None:
        states = [step.status for step in self.run.steps]
        moving = [s for s in states if s in {*STATE_OF.values(), StepStatus.RUNNING}]
        match self.run.status:
            case RunStatus.QUEUED:
                assert self.run == self.first
            case RunStatus.EXECUTING:
                assert moving, "nothing moves it on"
            case RunStatus.CANCELLING:
                assert set(moving) == {StepStatus.RUNNING}
                running = (s.number for s in self.run.steps if s.status is StepStatus.RUNNING)
                assert all(self.stops[one] for one in running), "it waits for an end that nobody asked for"
            case _:
                assert not moving

    @invariant()
    def only_who_waits_for_an_answer_has_a_question(self) -> None:
        for step in self.run.steps:
            assert (step.question is None) == (step.status is not StepStatus.INTERRUPTED)
            match step.question:
                case Question.GUIDED_FAILURE:
                    assert self.run.guided
                    assert step.failures > step.rules.retries or step.rules.retry_codes
                case Question.SETTLE:
                    assert step.rules.settle is Settle.ASK
                case Question.MANUAL:
                    assert step.rules.manual
        at_work = {step.status for step in self.run.steps if step.status in self.OUTCOMES}
        assert self.run.awaits_answer == (
            at_work == {StepStatus.INTERRUPTED} and self.run.status is RunStatus.EXECUTING
        )

    @invariant()
    def no_more_go_beside_each_other_than_there_is_room_for(self) -> None:
        steps, lanes = self.at_work("step"), self.at_work("lane")
        for stage in {step.at.stage for step in self.run.steps}:
            assert len(steps.get(stage, ())) <= self.room(stage, "step")
        for step in {step.at.step for step in self.run.steps}:
            assert len(lanes.get(step, ())) <= self.room(step, "lane")

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        if self.run.status is not RunStatus.EXECUTING:
            return
        steps, lanes = self.at_work("step"), self.at_work("lane")
        [stage] = steps
        waiting = [s for s in self.run.steps if s.at.stage == stage and s.status is StepStatus.PENDING]
        for one in waiting:
            mine = lanes.get(one.at.step, set())
            is_full = len(steps[stage]) >= (one.at.abreast or UNITS) and one.at.step not in steps[stage]
            is_behind = one.at.lane in mine or (mine and len(mine) >= (one.at.window or UNITS))
            assert is_full or is_behind, f"{one.number} could begin"

    def at_work(self, level: str) -> dict[int, set[int]]:
        """The groups of a level in which something is under way, by the group around them."""
        around = {"step": "stage", "lane": "step"}[level]
        found: dict[int, set[int]] = {}
        for step in self.run.steps:
            if step.status in self.OUTCOMES:
                found.setdefault(getattr(step.at, around), set()).add(getattr(step.at, level))
        return found

    def room(self, group: int, level: str) -> int:
        """A run that goes on where another one stopped goes on with all that stood half done, and these may
        be more than would begin beside each other."""
        around, limit = {"step": ("stage", "abreast"), "lane": ("step", "window")}[level]
        own = [step for step in self.first.steps if getattr(step.at, around) == group]
        return max(getattr(own[0].at, limit) or UNITS, len(self.half_done(own, level)))

    def half_done(self, steps: Iterable[Step], level: str) -> set[int]:
        groups: dict[int, set[StepStatus]] = {}
        for step in steps:
            groups.setdefault(getattr(step.at, level), set()).add(step.status)
        return {
            group for group, states in groups.items() if states >= {StepStatus.SUCCESS, StepStatus.PENDING}
        }

    @invariant()
    def the_end_says_what_became_of_the_steps(self) -> None:
        states = {step.status for step in self.run.steps}
        match self.run.status:
            case RunStatus.SUCCESS:
                assert states <= {StepStatus.SUCCESS, StepStatus.IGNORED, StepStatus.SKIPPED}
            case RunStatus.FAILED:
                assert states & {StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.CANCELED}
            case RunStatus.TIMED_OUT | RunStatus.CANCELED:
                assert self.run.timed_out == (self.run.status is RunStatus.TIMED_OUT)

    def teardown(self) -> None:
        """Whatever has happened: from here on all goes well, and the run comes to its end."""
        if not hasattr(self, "run"):
            return
        for _ in range(200):
            if self.run.status in FINAL:
                return
            self.apply(self.what_comes_next())
        raise AssertionError(f"The run never ends: {self.run}")

    def what_comes_next(self) -> Event:
        for step in self.run.steps:
            match step.status:
                case StepStatus.WAITING:
                    return Placed(step.number)
                case StepStatus.RUNNING:
                    return StepEnded(step.number, StepStatus.SUCCESS)
                case StepStatus.RETRYING:
                    return RetryDue(step.number)
                case StepStatus.INTERRUPTED if step.question:
                    return Answered(step.number, asked_of(step)[0])
        return Admitted()


RunMachine.TestCase.settings = settings(
    max_examples=3000 if FULL else 150, stateful_step_count=30, deadline=None
)
TestRunMachine = RunMachine.TestCase
