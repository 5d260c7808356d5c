"""What steps declare about tries, time and unknown outcomes, and steps that wait for people."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plans import ProblemCode
from domain.processes import (
    BACKOFF,
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    RETRY_AFTER,
    RETRY_CODES,
    SCRIPT_ACTION,
    SCRIPT_BODY,
    TIME_LIMIT,
    UNKNOWN_OUTCOME,
    ActionDef,
    rules_of,
    rules_text,
)
from domain.step_rules import Backoff, Condition, Settle, StepRules
from tests.domain.test_planning import PROD, action, only_problem, planned

VAR = "Project.WorkerPool"


@pytest.mark.parametrize(
    ("properties", "rules"),
    [
        ({}, StepRules()),
        ({RETRIES: "", TIME_LIMIT: "0"}, StepRules()),
        (
            {RETRIES: " 3 ", RETRY_AFTER: "15", TIME_LIMIT: "5"},
            StepRules(retries=3, retry_after=15, time_limit=5),
        ),
        ({UNKNOWN_OUTCOME: "Rerun"}, StepRules(settle=Settle.RERUN)),
        ({UNKNOWN_OUTCOME: "Never"}, StepRules(settle=Settle.NEVER)),
        (
            {RETRIES: "1", BACKOFF: "Exponential", RETRY_CODES: "75, 76 75"},
            StepRules(retries=1, backoff=Backoff.EXPONENTIAL, retry_codes=(75, 76)),
        ),
        ({BACKOFF: "Sometimes", RETRY_CODES: "0"}, StepRules()),
        ({RETRIES: "many", UNKNOWN_OUTCOME: "Whatever"}, StepRules()),
    ],
)
def test_rules_are_read_from_properties(properties, rules):
    assert rules_of(SCRIPT_ACTION, properties) == rules


def test_a_manual_step_has_no_other_rules():
    assert rules_of(MANUAL_ACTION, {RETRIES: "3"}) == StepRules(manual=True)


@pytest.mark.parametrize("value", ["-1", "1.5", "many", "11", "٣", "9" * 50])
def test_a_number_that_makes_no_sense_keeps_the_run_from_starting(value):
    bad = ActionDef(
        "a1",
        "One",
        properties={SCRIPT_BODY: "true", RETRIES: value},
        worker_pool_variable="Project.WorkerPool",
    )

    problem = only_problem(planned(bad))

    assert problem.code is ProblemCode.BAD_RULE
    assert "not a whole number from 0 to 10" in problem.message


def test_a_word_that_makes_no_sense_keeps_the_run_from_starting():
    bad = ActionDef(
        "a1", "One", properties={UNKNOWN_OUTCOME: "Maybe"}, worker_pool_variable="Project.WorkerPool"
    )

    assert "only Ask or Rerun or Never can stand" in only_problem(planned(bad)).message


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (StepRules(), ""),
        (
            StepRules(retries=2, retry_after=10, time_limit=5),
            "up to 3 tries, 10 s apart; at most 5 min each",
        ),
        (StepRules(retries=1, retry_after=120), "up to 2 tries, 2 min apart"),
        (StepRules(time_limit=5), "at most 5 min"),
        (StepRules(settle=Settle.RERUN), "runs again if its outcome is unknown"),
        (StepRules(settle=Settle.NEVER), "counts as failed if its outcome is unknown"),
        (StepRules(manual=True), "waits for a person"),
        (StepRules(manual=True, condition=Condition.FAILURE), "only after a failure; waits for a person"),
        (StepRules(condition=Condition.VARIABLE, required=True), "only if its condition is true; required"),
        (
            StepRules(retries=2, retry_after=10, backoff=Backoff.EXPONENTIAL, retry_codes=(75, 76)),
            "up to 3 tries after exit code 75 or 76, first 10 s apart and twice as long each time",
        ),
    ],
)
def test_rules_in_words(rules, words):
    assert rules_text(rules) == words


def test_pauses_double_up_to_a_day():
    rules = StepRules(retries=10, retry_after=3600, backoff=Backoff.EXPONENTIAL)
    assert [rules.pause_after(n) for n in (1, 2, 5, 6, 10)] == [3600, 7200, 57_600, 86_400, 86_400]
    assert StepRules(retry_after=5).pause_after(9) == 5


@given(
    rules=st.builds(
        StepRules,
        retries=st.integers(0, 10),
        condition=st.sampled_from(Condition),
        backoff=st.sampled_from(Backoff),
        settle=st.sampled_from(Settle),
        retry_codes=st.lists(st.integers(1, 255), max_size=3).map(tuple),
        required=st.booleans(),
        manual=st.booleans(),
    )
)
def test_rules_survive_being_stored(rules):
    assert StepRules.from_json(json.loads(json.dumps(rules.to_json()))) == rules


@pytest.mark.parametrize("codes", ["0", "256", "-1", "1.5", "many", "٣", " ".join(["1"] * 21)])
def test_exit_codes_that_make_no_sense_keep_the_run_from_starting(codes):
    bad = ActionDef(
        "a1", "One", properties={SCRIPT_BODY: "true", RETRY_CODES: codes}, worker_pool_variable=VAR
    )

    assert "exit codes from 1 to 255" in only_problem(planned(bad)).message


def test_a_backoff_that_makes_no_sense_keeps_the_run_from_starting():
    bad = ActionDef("a1", "One", properties={SCRIPT_BODY: "true", BACKOFF: "Maybe"}, worker_pool_variable=VAR)

    assert "only Constant or Exponential can stand" in only_problem(planned(bad)).message


def manual(text: str = "Look at it.", **fields) -> ActionDef:
    properties = {MANUAL_INSTRUCTIONS: text, RETRIES: "nonsense"}
    return ActionDef("m1", "Approve", action_type=MANUAL_ACTION, properties=properties, **fields)


def test_a_manual_step_has_no_pool_and_no_problem():
    result = planned(action(), manual(), capacity={}, pools={PROD.id: PROD})

    step = result.steps[1]
    assert (step.pool_id, step.needs, step.why, step.is_manual) == (None, (), None, True)
    assert step.instructions == "Look at it."
    assert step.rules == StepRules(manual=True)
    assert result.can_start


def test_a_process_of_people_alone_needs_no_pool_at_all():
    result = planned(manual(), candidates=(), capacity={}, pools={})

    assert (result.problems, result.pool_ids) == ((), frozenset())


def test_what_instructions_refer_to_and_is_not_there_is_warned_about():
    problem = only_problem(planned(manual("Look at #{Nothing}.")))

    assert problem.message.startswith("The text of step 1 refers to #{Nothing}")
