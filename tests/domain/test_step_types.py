"""The registry of step types, and what a plan and a start make of it."""

from __future__ import annotations

import pytest

from domain import step_types
from domain.plans import ProblemCode
from domain.processes import MANUAL_ACTION, SCRIPT_ACTION, SCRIPT_BODY, SCRIPT_SYNTAX, ActionDef
from domain.step_types import Script, StepType
from domain.step_types.base import PROGRAMS, Fault, Program, Text
from tests.domain.test_planning import DEFAULT, planned

GREET = StepType(
    key="Test.Greet",
    work=lambda properties, fill: Program("greet", {"text": fill(properties["Greeting"])}),
    texts=lambda properties: [Text("greeting", properties["Greeting"])],
    needs=lambda properties: (PROGRAMS,),
    faults=lambda properties: [] if properties["Greeting"] else [Fault("has no greeting.")],
)


@pytest.fixture
def greet(monkeypatch):
    monkeypatch.setattr("domain.step_types.base._types", {GREET.key: GREET})


def step(greeting):
    return planned(
        ActionDef("a1", "Greet", action_type="Test.Greet", properties={"Greeting": greeting}),
        pools={DEFAULT.id: DEFAULT},
    )


def test_a_plan_says_what_the_worker_must_have(greet):
    result = step("hello")

    assert result.steps[0].needs == ("step-programs",)
    assert result.problems == ()


def test_what_a_text_lacks_is_said_by_its_noun(greet):
    [problem] = step("hello #{Nobody}").problems

    assert problem.message.startswith("The greeting of step 1 refers to #{Nobody}")


def test_a_fault_keeps_the_run_from_starting(greet):
    result = step("")

    [problem] = result.problems
    assert (problem.code, problem.message) == (ProblemCode.BAD_SETTING, "Step 1 has no greeting.")
    assert not result.can_start


def test_a_script_is_filled_and_needs_its_language():
    script = step_types.find(SCRIPT_ACTION)
    assert script is not None
    assert script.work is not None
    properties = {SCRIPT_SYNTAX: "Python", SCRIPT_BODY: "print(1)"}

    assert script.work(properties, str.upper) == Script("Python", "PRINT(1)")
    assert script.needs(properties) == ("python",)


def test_no_worker_runs_a_manual_intervention():
    manual = step_types.find(MANUAL_ACTION)

    assert manual is not None
    assert manual.work is None
