"""Child steps: several actions of one step, on each target before the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import process_text
from domain.arrangement import units
from domain.planning import plan
from domain.plans import PoolInfo
from domain.process_text import ActionText, Form, ProcessText, StepText, TextRefused
from domain.processes import SCRIPT_BODY, ActionDef, Location, ProcessDef, StepDef
from domain.runs import Admitted, Run, RunStatus, Step, StepEnded, StepStatus, decide
from domain.runs import Placed as Found
from domain.scopes import Context
from domain.step_rules import Condition, Start
from domain.targets import TargetInfo

WEB = [TargetInfo(str(n), f"web-{n}", ("web",), tools=frozenset({"bash"})) for n in range(1, 4)]


def action(id: str, name: str, **fields) -> ActionDef:
    return ActionDef(
        id,
        name,
        properties={SCRIPT_BODY: "true"},
        **{"location": Location.TARGET, **fields},
    )


def rolling(*children: ActionDef, **fields) -> StepDef:
    return StepDef("s2", "Roll out", 2, children, **{"target_tags": ("web",), "window": 2, **fields})


def planned(*steps: StepDef):
    return plan(
        process=ProcessDef(steps),
        candidates=(),
        context=Context(environment="1"),
        pools={"1": PoolInfo("1", "Workers", is_default=True)},
        capacity={},
        names={},
        targets=WEB,
    )


BEFORE = StepDef("s1", "Prepare", 1, (action("1", "Prepare", location=Location.WORKER),))
AFTER = StepDef("s3", "Tell", 3, (action("9", "Tell", location=Location.WORKER),))


def test_children_are_numbered_and_know_their_parent():
    result = planned(BEFORE, rolling(action("2", "Deploy"), action("3", "Check")), AFTER)

    assert [step.label for step in result.steps] == ["1", "2.1", "2.2", "3"]
    assert [step.parent for step in result.steps] == ["", "Roll out", "Roll out", ""]
    assert result.can_start, result.problems


def test_all_children_run_on_one_target_before_the_lane_ends():
    result = planned(BEFORE, rolling(action("2", "Deploy"), action("3", "Check")), AFTER)

    found = [
        (unit.number, unit.step.label, unit.target.name if unit.target else "", unit.place.lane)
        for unit in units(result.steps, abreast=10)
    ]
    assert found == [
        (1, "1", "", 1),
        (2, "2.1", "web-1", 2),
        (3, "2.2", "web-1", 2),
        (4, "2.1", "web-2", 4),
        (5, "2.2", "web-2", 4),
        (6, "2.1", "web-3", 6),
        (7, "2.2", "web-3", 6),
        (8, "3", "", 8),
    ]
    assert {unit.place.window for unit in units(result.steps, abreast=10) if unit.target} == {2}
    assert {unit.place.stage for unit in units(result.steps, abreast=10)} == {1, 2, 8}


def test_without_tags_children_run_once_one_after_the_other():
    result = planned(rolling(action("2", "A"), action("3", "B"), target_tags=(), window=0))

    places = [unit.place for unit in units(result.steps, abreast=10)]
    assert [step.location for step in result.steps] == [Location.WORKER] * 2
    assert [(one.stage, one.step, one.lane) for one in places] == [(1, 1, 1)] * 2


def test_a_child_on_a_worker_works_on_behalf_of_the_targets_of_its_parent():
    result = planned(rolling(action("2", "A", location=Location.WORKER), action("3", "B")))

    assert [step.location for step in result.steps] == [Location.ON_BEHALF, Location.TARGET]
    assert [len(step.targets) for step in result.steps] == [3, 3]


def test_a_skipped_child_does_not_open_a_lane():
    result = planned(rolling(action("2", "A", is_disabled=True), action("3", "B"), action("4", "C")))

    found = units(result.steps, abreast=10)
    assert [(unit.step.label, unit.place.lane) for unit in found][:3] == [("2.1", 1), ("2.2", 2), ("2.3", 2)]


def test_children_start_beside_the_step_before_as_a_whole():
    together = rolling(action("2", "A"), action("3", "B"), start=Start.WITH_PREVIOUS)
    found = units(planned(BEFORE, together, AFTER).steps, abreast=10)

    assert {unit.place.stage for unit in found[:-1]} == {1}
    assert {unit.place.step for unit in found[:-1]} == {1, 2}


# --- How they run ---------------------------------------------------------------------------------


def begun(*steps: StepDef) -> Run:
    result = planned(*steps)
    rows = tuple(
        Step(
            unit.number,
            unit.step.name,
            StepStatus.SKIPPED if unit.step.skipped else StepStatus.PENDING,
            rules=unit.step.rules,
            place=unit.place,
        )
        for unit in units(result.steps, abreast=10)
    )
    return decide(Run(RunStatus.QUEUED, rows), Admitted()).run


def ended(run: Run, number: int, status: StepStatus = StepStatus.SUCCESS) -> Run:
    run = decide(run, Found(number)).run
    return decide(run, StepEnded(number, status, "Broke." if status is StepStatus.FAILED else "")).run


def waiting(run: Run) -> list[int]:
    return [step.number for step in run.steps if step.status is StepStatus.WAITING]


def test_the_window_moves_on_when_a_target_is_done_with_all_children():
    run = begun(rolling(action("2", "Deploy"), action("3", "Check")))

    assert waiting(run) == [1, 3]
    run = ended(run, 1)
    assert waiting(run) == [2, 3]
    run = ended(run, 2)
    assert waiting(run) == [3, 5]


def test_a_failed_child_skips_the_next_and_runs_the_one_that_cleans_up():
    tidy = action("4", "Tidy", condition=Condition.FAILURE)
    run = begun(rolling(action("2", "Deploy"), action("3", "Check"), tidy, window=1))

    run = ended(run, 1, StepStatus.FAILED)

    assert run.step(2).status is StepStatus.SKIPPED
    assert waiting(run) == [3]
    run = ended(run, 3)
    assert run.status is RunStatus.FAILED
    assert {run.step(number).status for number in range(4, 10)} == {StepStatus.SKIPPED}


def test_children_of_a_step_that_runs_after_a_failure_look_only_at_one_another():
    after = rolling(action("2", "A"), action("3", "B"), target_tags=(), window=0, condition=Condition.FAILURE)
    run = ended(begun(BEFORE, after), 1, StepStatus.FAILED)

    assert waiting(run) == [2]
    run = ended(run, 2)
    assert waiting(run) == [3]


def test_without_a_failure_such_children_are_skipped_whatever_they_say():
    after = rolling(
        action("2", "A", condition=Condition.ALWAYS), action("3", "B"), condition=Condition.FAILURE
    )
    run = ended(begun(BEFORE, after), 1)

    assert run.status is RunStatus.SUCCESS
    assert {step.status for step in run.steps[1:]} == {StepStatus.SKIPPED}


def test_the_expression_of_the_parent_is_asked_when_its_turn_comes():
    asked = []

    def judge(run: Run, step: Step, *, of_parent: bool = False) -> bool:
        asked.append((step.number, of_parent))
        return of_parent

    own = action("3", "B", condition=Condition.VARIABLE, expression="#{B}")
    step = rolling(action("2", "A"), own, target_tags=(), condition=Condition.VARIABLE, expression="#{A}")
    run = decide(replace(begun_raw(step), status=RunStatus.QUEUED), Admitted(), judge).run
    run = decide(run, Found(1), judge).run
    run = decide(run, StepEnded(1, StepStatus.SUCCESS), judge).run

    assert asked == [(1, True), (2, False)]
    assert run.step(2).status is StepStatus.SKIPPED


def begun_raw(step: StepDef) -> Run:
    found = units(planned(step).steps, abreast=10)
    rows = (Step(one.number, one.step.name, rules=one.step.rules, place=one.place) for one in found)
    return Run(RunStatus.QUEUED, tuple(rows))


# --- As text --------------------------------------------------------------------------------------

PARENT = StepText(
    "Roll out",
    slug="roll-out",
    condition=Condition.ALWAYS,
    actions=(
        ActionText("Deploy", "deploy", location=Location.TARGET, properties={SCRIPT_BODY: "true"}),
        ActionText(
            "Check",
            "check",
            location=Location.ON_BEHALF,
            condition=Condition.VARIABLE,
            expression="#{Go}",
            is_required=True,
        ),
    ),
    target_tags=("web",),
    window=2,
)


@pytest.mark.parametrize("form", list(Form))
def test_children_written_and_read_are_the_same(form):
    process = ProcessText((PARENT, StepText("Deploy it", slug="deploy-it", actions=(ActionText(),))))

    assert process_text.parse(process_text.dump(process, form)) == process


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: [{name: a, actions: []}]", "needs an action"),
        ("steps: [{name: a, actions: [{condition: Always}]}]", "Only one of several actions"),
        ("steps: [{name: a, actions: [{name: x}, {notes: y}]}]", "needs a name"),
        ("steps: [{name: a, actions: [{name: x}, {name: X}]}]", "has the same name"),
        (
            "steps: [{name: x, actions: [{}]}, {name: a, actions: [{name: x}, {name: y}]}]",
            "has the same name",
        ),
    ],
)
def test_what_is_wrong_with_children_is_said(text, words):
    with pytest.raises(TextRefused) as refused:
        process_text.parse(text)

    assert words in str(refused.value)
