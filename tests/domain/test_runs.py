"""The state machine of a run: tables for the ways a run goes, and properties for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.runs import (
    Admitted,
    CancelRequested,
    Complete,
    Event,
    FindWorker,
    Placed,
    Run,
    RunStatus,
    Step,
    StepEnded,
    StepStatus,
    StopStep,
    Withdrawn,
    decide,
)

FINAL = {RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELED}
ENDED = {
    StepStatus.SUCCESS,
    StepStatus.FAILED,
    StepStatus.SKIPPED,
    StepStatus.CANCELED,
    StepStatus.UNKNOWN,
}


def queued(*names: str) -> Run:
    steps = tuple(Step(number, name) for number, name in enumerate(names, start=1))
    return Run(RunStatus.QUEUED, steps)


def play(run: Run, *events: Event) -> Run:
    for event in events:
        run = decide(run, event).run
    return run


def statuses(run: Run) -> list[str]:
    return [step.status.value for step in run.steps]


def test_steps_run_one_after_the_other() -> None:
    decision = decide(queued("back up", "migrate"), Admitted())
    assert decision.effects == (FindWorker(1),)
    decision = decide(play(decision.run, Placed(1)), StepEnded(1, StepStatus.SUCCESS))
    assert decision.effects == (FindWorker(2),)
    decision = decide(play(decision.run, Placed(2)), StepEnded(2, StepStatus.SUCCESS))
    assert decision.effects == (Complete(),)
    assert decision.run.status is RunStatus.SUCCESS


def test_a_failure_skips_what_follows_and_says_why() -> None:
    run = play(queued("back up", "migrate"), Admitted(), Placed(1))
    decision = decide(run, StepEnded(1, StepStatus.FAILED, "Exit code 3."))
    assert decision.effects == (Complete("Exit code 3."),)
    assert decision.run.status is RunStatus.FAILED
    assert statuses(decision.run) == ["Failed", "Skipped"]


def test_an_unknown_outcome_never_starts_the_next_step() -> None:
    run = play(queued("a", "b"), Admitted(), Placed(1), StepEnded(1, StepStatus.UNKNOWN))
    assert run.status is RunStatus.FAILED
    assert statuses(run) == ["Unknown", "Skipped"]


def test_skipped_steps_are_passed_over() -> None:
    run = Run(RunStatus.QUEUED, (Step(1, "a", StepStatus.SKIPPED), Step(2, "b")))
    assert decide(run, Admitted()).effects == (FindWorker(2),)


def test_a_queued_run_is_cancelled_at_once() -> None:
    decision = decide(queued("a"), CancelRequested("ada"))
    assert decision.run.status is RunStatus.CANCELED
    assert decision.effects == (Complete("Cancelled by ada."),)


def test_a_running_step_is_stopped_before_the_run_is_cancelled() -> None:
    run = play(queued("a", "b"), Admitted(), Placed(1))
    decision = decide(run, CancelRequested("ada"))
    assert decision.run.status is RunStatus.CANCELLING
    assert decision.effects == (StopStep(1),)
    run = play(decision.run, StepEnded(1, StepStatus.CANCELED))
    assert run.status is RunStatus.CANCELED
    assert statuses(run) == ["Canceled", "Canceled"]


def test_a_step_that_succeeds_while_cancelling_keeps_its_success() -> None:
    run = play(
        queued("a", "b"), Admitted(), Placed(1), CancelRequested("ada"), StepEnded(1, StepStatus.SUCCESS)
    )
    assert run.status is RunStatus.CANCELED
    assert statuses(run) == ["Success", "Canceled"]


def test_a_withdrawn_step_waits_for_a_worker_again() -> None:
    decision = decide(play(queued("a"), Admitted(), Placed(1)), Withdrawn(1))
    assert decision.effects == (FindWorker(1),)
    assert statuses(decision.run) == ["Waiting"]


@pytest.mark.parametrize(
    "event", [Admitted(), Placed(1), StepEnded(1, StepStatus.SUCCESS), CancelRequested("ada")]
)
def test_an_event_that_is_delivered_twice_counts_once(event: Event) -> None:
    before = {
        Admitted: queued("a", "b"),
        Placed: play(queued("a", "b"), Admitted()),
        StepEnded: play(queued("a", "b"), Admitted(), Placed(1)),
        CancelRequested: play(queued("a", "b"), Admitted(), Placed(1)),
    }[type(event)]
    once = decide(before, event).run
    again = decide(once, event)
    assert again.run == once
    assert again.effects == ()


NUMBERS = st.integers(1, 3)
EVENTS = st.one_of(
    st.just(Admitted()),
    st.builds(Placed, NUMBERS),
    st.builds(Withdrawn, NUMBERS),
    st.builds(
        StepEnded,
        NUMBERS,
        st.sampled_from([StepStatus.SUCCESS, StepStatus.FAILED, StepStatus.CANCELED, StepStatus.UNKNOWN]),
    ),
    st.just(CancelRequested("ada")),
)


@given(st.lists(EVENTS, max_size=30))
def test_whatever_happens_in_whatever_order(events: list[Event]) -> None:
    run = queued("a", "b", "c")
    completed = 0
    for event in events:
        decision = decide(run, event)
        for old, new in zip(run.steps, decision.run.steps, strict=True):
            assert old.status not in ENDED or new.status is old.status, "an ended step moved"
        assert run.status not in FINAL or decision.run == run, "a finished run moved"
        busy = [s for s in decision.run.steps if s.status in (StepStatus.WAITING, StepStatus.RUNNING)]
        assert len(busy) <= 1, "two steps at once"
        completed += sum(isinstance(effect, Complete) for effect in decision.effects)
        run = decision.run
    assert completed == (run.status in FINAL), "completed once, exactly when it is final"
    assert all(step.status in ENDED for step in run.steps) or run.status not in FINAL
