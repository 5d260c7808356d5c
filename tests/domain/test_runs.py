"""The state machine of a run: tables for the ways a run goes, and properties for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.runs import (
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
    Place,
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
    decide,
)
from domain.step_rules import Settle, StepRules

FINAL = {RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELED}
ENDED = {
    StepStatus.SUCCESS,
    StepStatus.FAILED,
    StepStatus.SKIPPED,
    StepStatus.CANCELED,
    StepStatus.UNKNOWN,
}


def queued(*names: str, guided: bool = False) -> Run:
    steps = tuple(Step(number, name) for number, name in enumerate(names, start=1))
    return Run(RunStatus.QUEUED, steps, guided)


def with_rules(rules: StepRules) -> Run:
    return Run(RunStatus.QUEUED, (Step(1, "a", rules=rules), Step(2, "b")))


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


def test_an_unknown_outcome_asks_a_person_and_starts_nothing() -> None:
    run = play(queued("a", "b"), Admitted(), Placed(1))
    decision = decide(run, StepEnded(1, StepStatus.UNKNOWN, "The shim is gone."))
    assert decision.effects == (Ask(1, Question.SETTLE, "The shim is gone."),)
    assert statuses(decision.run) == ["Interrupted", "Pending"]
    assert decision.run.awaits_answer


@pytest.mark.parametrize(
    ("answer", "states", "effects"),
    [
        (Answer.SUCCEEDED, ["Success", "Waiting"], (FindWorker(2),)),
        (Answer.FAILED, ["Failed", "Skipped"], (Complete("Ada: it failed"),)),
        (Answer.RETRY, ["Waiting", "Pending"], (FindWorker(1),)),
        (Answer.IGNORE, ["Interrupted", "Pending"], ()),
    ],
)
def test_an_unknown_outcome_is_settled_by_its_answer(answer, states, effects) -> None:
    run = play(queued("a", "b"), Admitted(), Placed(1), StepEnded(1, StepStatus.UNKNOWN, "Gone."))
    decision = decide(run, Answered(1, answer, "Ada: it failed"))
    assert statuses(decision.run) == states
    assert decision.effects == effects


@pytest.mark.parametrize(
    ("settle", "states", "effects"),
    [
        (Settle.RERUN, ["Waiting", "Pending"], (FindWorker(1),)),
        (Settle.NEVER, ["Unknown", "Skipped"], (Complete("Gone."),)),
    ],
)
def test_a_step_may_say_beforehand_what_an_unknown_outcome_means(settle, states, effects) -> None:
    run = play(with_rules(StepRules(settle=settle)), Admitted(), Placed(1))
    decision = decide(run, StepEnded(1, StepStatus.UNKNOWN, "Gone."))
    assert statuses(decision.run) == states
    assert decision.effects == effects


def test_a_failed_step_is_tried_again_after_its_pause_and_then_at_last_fails() -> None:
    run = play(with_rules(StepRules(retries=1, retry_after=30)), Admitted(), Placed(1))
    decision = decide(run, StepEnded(1, StepStatus.FAILED, "Exit code 3."))
    assert decision.effects == (RetryLater(1, 30),)
    assert statuses(decision.run) == ["Retrying", "Pending"]
    decision = decide(decision.run, RetryDue(1))
    assert decision.effects == (FindWorker(1),)
    decision = decide(play(decision.run, Placed(1)), StepEnded(1, StepStatus.FAILED, "Exit code 3."))
    assert decision.effects == (Complete("Exit code 3."),)
    assert decision.run.step(1).failures == 2


def test_a_retry_without_a_pause_looks_for_a_worker_at_once() -> None:
    run = play(with_rules(StepRules(retries=2)), Admitted(), Placed(1))
    decision = decide(run, StepEnded(1, StepStatus.FAILED))
    assert decision.effects == (FindWorker(1),)
    assert decision.run.step(1).failures == 1


@pytest.mark.parametrize(
    ("answer", "states", "effects"),
    [
        (Answer.FAIL, ["Failed", "Skipped"], (Complete("Ada let it fail."),)),
        (Answer.RETRY, ["Waiting", "Pending"], (FindWorker(1),)),
        (Answer.IGNORE, ["Ignored", "Waiting"], (FindWorker(2),)),
        (Answer.EXCLUDE, ["Waiting", "Pending"], (ExcludeWorker(1), FindWorker(1))),
        (Answer.PROCEED, ["Interrupted", "Pending"], ()),
    ],
)
def test_a_guided_failure_goes_on_as_a_person_says(answer, states, effects) -> None:
    run = play(queued("a", "b", guided=True), Admitted(), Placed(1))
    decision = decide(run, StepEnded(1, StepStatus.FAILED, "Exit code 3."))
    assert decision.effects == (Ask(1, Question.GUIDED_FAILURE, "Exit code 3."),)
    decision = decide(decision.run, Answered(1, answer, "Ada let it fail."))
    assert statuses(decision.run) == states
    assert decision.effects == effects


def test_a_run_with_an_ignored_failure_succeeds() -> None:
    run = play(queued("a", guided=True), Admitted(), Placed(1), StepEnded(1, StepStatus.FAILED))
    assert decide(run, Answered(1, Answer.IGNORE)).run.status is RunStatus.SUCCESS


def test_a_manual_step_asks_in_its_turn_and_needs_no_worker() -> None:
    run = Run(RunStatus.QUEUED, (Step(1, "a", rules=StepRules(manual=True)), Step(2, "b")))
    decision = decide(run, Admitted())
    assert decision.effects == (Ask(1, Question.MANUAL),)
    assert decide(decision.run, Answered(1, Answer.PROCEED)).effects == (FindWorker(2),)
    aborted = decide(decision.run, Answered(1, Answer.ABORT, "Ada: not today"))
    assert aborted.effects == (Complete("Ada: not today"),)
    assert statuses(aborted.run) == ["Failed", "Skipped"]


def test_only_the_first_answer_counts() -> None:
    run = play(queued("a", guided=True), Admitted(), Placed(1), StepEnded(1, StepStatus.FAILED))
    run = play(run, Answered(1, Answer.RETRY))
    assert decide(run, Answered(1, Answer.FAIL)) == Decision(run)


def test_time_that_is_up_stops_the_step_and_the_run_goes_on_as_after_any_failure() -> None:
    run = play(queued("a"), Admitted(), Placed(1))
    assert decide(run, TimeUp(1)) == Decision(run, (StopStep(1, timed_out=True),))
    assert decide(play(run, StepEnded(1, StepStatus.FAILED)), TimeUp(1)).effects == ()


def test_a_run_whose_time_is_up_stops_what_runs_and_is_timed_out() -> None:
    run = play(queued("a", "b"), Admitted(), Placed(1))
    decision = decide(run, RunTimeUp("Two hours are over."))
    assert decision.effects == (StopStep(1),)
    assert decision.run.status is RunStatus.CANCELLING
    ended = play(decision.run, StepEnded(1, StepStatus.CANCELED))
    assert ended.status is RunStatus.TIMED_OUT
    assert statuses(ended) == ["Canceled", "Canceled"]


def test_a_run_that_asks_is_timed_out_at_once() -> None:
    run = play(queued("a", guided=True), Admitted(), Placed(1), StepEnded(1, StepStatus.FAILED))
    decision = decide(run, RunTimeUp("Two hours are over."))
    assert decision.effects == (Complete("Two hours are over."),)
    assert decision.run.status is RunStatus.TIMED_OUT


def test_a_run_that_was_queued_for_too_long_never_starts() -> None:
    decision = decide(queued("a"), Expired("Queued for an hour."))
    assert decision.effects == (Complete("Queued for an hour."),)
    assert decision.run.status is RunStatus.TIMED_OUT
    assert decide(decision.run, Admitted()) == Decision(decision.run)


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


def beside(*rules: StepRules, abreast: int = 0, window: int = 0, targets: int = 1) -> Run:
    """One stage of steps, each on so many targets."""
    steps, number = [], 0
    for own in rules:
        first = number + 1
        for _ in range(targets):
            number += 1
            place = Place(stage=1, step=first, lane=number, abreast=abreast, window=window)
            steps.append(Step(number, f"{first}", rules=own, place=place))
    return Run(RunStatus.QUEUED, tuple(steps))


def test_targets_take_turns_in_a_window_and_none_begins_after_a_failure() -> None:
    run = play(beside(StepRules(), window=2, targets=5), Admitted())
    assert statuses(run) == ["Waiting", "Waiting", "Pending", "Pending", "Pending"]
    run = play(run, Placed(1), Placed(2), StepEnded(2, StepStatus.SUCCESS))
    assert statuses(run) == ["Running", "Success", "Waiting", "Pending", "Pending"]
    run = play(run, StepEnded(1, StepStatus.FAILED, "Exit code 3."))
    assert statuses(run) == ["Failed", "Success", "Waiting", "Skipped", "Skipped"]
    decision = decide(play(run, Placed(3)), StepEnded(3, StepStatus.SUCCESS))
    assert decision.run.status is RunStatus.FAILED


def test_a_target_on_which_work_has_begun_is_not_left_half_done() -> None:
    """Two targets with two children each: the failure of one does not keep the other from its end."""
    lanes = [(1, 1), (2, 1), (3, 3), (4, 3)]
    steps = [Step(number, "x", place=Place(1, 1, lane, window=2)) for number, lane in lanes]
    run = play(Run(RunStatus.QUEUED, tuple(steps)), Admitted(), Placed(1), Placed(3))
    run = play(run, StepEnded(1, StepStatus.FAILED, "No."), StepEnded(3, StepStatus.SUCCESS))
    assert statuses(run) == ["Failed", "Skipped", "Success", "Waiting"]
    decision = decide(play(run, Placed(4)), StepEnded(4, StepStatus.SUCCESS))
    assert decision.effects == (Complete("No."),)
    assert decision.run.status is RunStatus.FAILED


def test_a_stop_takes_back_what_waits_beside_what_runs() -> None:
    run = play(beside(StepRules(), StepRules(), StepRules(manual=True)), Admitted(), Placed(1))
    decision = decide(run, CancelRequested("ada"))
    assert statuses(decision.run) == ["Running", "Canceled", "Canceled"]
    assert decision.effects == (StopStep(1),)
    assert decide(decision.run, Placed(2)).run == decision.run


def test_a_place_keeps_only_what_is_not_in_line() -> None:
    assert Place(3, 3, 3).to_json(3) == {}
    odd = Place(stage=1, step=2, lane=3, abreast=10, window=2)
    assert Place.from_json(3, odd.to_json(3)) == odd
    assert Place.from_json(4, {}) == Place(4, 4, 4)


def test_a_target_that_is_excluded_takes_no_more_part_and_the_run_goes_on() -> None:
    one, two = Place(1, 1, 1), Place(1, 1, 2)
    run = Run(
        RunStatus.QUEUED,
        (
            Step(1, "deploy", place=one, target=7, on_target=True),
            Step(2, "deploy", place=two, target=8, on_target=True),
            Step(3, "check", place=Place(3, 3, 3), target=7),
            Step(4, "check", place=Place(3, 3, 4), target=8),
        ),
        guided=True,
    )
    run = play(run, Admitted(), Placed(1), Placed(2), StepEnded(1, StepStatus.FAILED, "Exit code 3."))
    run = play(run, Answered(1, Answer.EXCLUDE, "Ada excluded it."), StepEnded(2, StepStatus.SUCCESS))

    assert statuses(run) == ["Ignored", "Success", "Skipped", "Waiting"]
    assert run.step(1).message == "Ada excluded it."
    assert "its target was excluded" in run.step(3).message
