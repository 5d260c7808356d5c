"""Steps with deployment targets: which ones, with which values, and as which units of a run."""

from dataclasses import replace

import pytest

from domain.arrangement import units
from domain.plan_differences import Shown, describe, differences
from domain.planning import ProblemCode, RunPlan, Severity, plan, step_values
from domain.processes import Location, ProcessDef, StepDef
from domain.scopes import Context, Kind, Scope
from domain.step_rules import Start
from domain.targets import Participation, TargetInfo, choose_targets
from domain.units import Place
from domain.variables import Candidate, VariableType
from tests.domain.test_planning import DEFAULT, FREE, POOLS, action, only_problem, text_value

NAMES = {(Kind.ENVIRONMENT, "prod"): "Production"}
IN_PRODUCTION = Context(environment="prod", process="runbook:5")
BASH = frozenset({"bash"})


def target(number, *tags, **fields):
    return TargetInfo(str(number), f"web-{number}", tags or ("web",), tools=BASH, **fields)


THREE = [target(1), target(2), target(3, "Web", "eu")]


def on_targets(*, location=Location.TARGET, tags=("web",), script="true", window=0, **fields):
    one = replace(action(script=script, worker_pool_variable=None), location=location)
    return StepDef("s1", "Deploy", 1, (one,), target_tags=tags, window=window, **fields)


def planned(*steps, targets=THREE, candidates=(), context=IN_PRODUCTION):
    return plan(
        process=ProcessDef(steps),
        candidates=candidates,
        context=context,
        pools=POOLS,
        capacity=dict.fromkeys(POOLS, FREE),
        names=NAMES,
        targets=targets,
    )


def names(step):
    return [one.name for one in step.targets]


def test_a_step_on_targets_has_those_with_its_tags_and_no_pool():
    result = planned(on_targets(), targets=[*THREE, target(4, "db")])
    (step,) = result.steps

    assert result.problems == ()
    assert names(step) == ["web-1", "web-2", "web-3"]
    assert (step.pool_id, step.why) == (None, None)
    assert step.targets_why == "3 deployment targets of Production have the tag web."
    assert step.targets[2].matched == ("Web",)


def test_a_step_on_behalf_of_targets_has_a_pool_too():
    (step,) = planned(on_targets(location=Location.ON_BEHALF)).steps

    assert (step.pool_name, len(step.targets)) == (DEFAULT.name, 3)


def test_a_step_that_runs_once_on_a_worker_has_no_targets_whatever_tags_are_kept():
    (step,) = planned(on_targets(location=Location.WORKER)).steps

    assert (step.targets, step.target_tags, step.pool_name) == ((), (), DEFAULT.name)


@pytest.mark.parametrize(
    ("fields", "tenant", "objection"),
    [
        ({"is_disabled": True}, None, "web-1 is disabled"),
        ({"participation": Participation.TENANTED}, None, "web-1 takes part only in runs for its tenants"),
        ({}, "acme", "web-1 takes part only in runs without a tenant"),
        ({"participation": Participation.BOTH}, "acme", "web-1 does not belong to the tenant"),
        ({"participation": Participation.BOTH, "tenants": frozenset({"acme"})}, "acme", ""),
        ({"participation": Participation.TENANTED, "tenants": frozenset({"acme"})}, "acme", ""),
        ({"participation": Participation.BOTH}, None, ""),
    ],
)
def test_who_takes_part(fields, tenant, objection):
    choice = choose_targets(["web"], [target(1, **fields)], tenant=tenant, environment="Production")

    assert bool(choice.targets) is not bool(objection)
    assert objection in choice.sentence


def test_a_step_without_targets_is_skipped_with_a_warning():
    result = planned(on_targets(tags=("db", "cache")))

    problem = only_problem(result)
    assert (problem.code, problem.severity) == (ProblemCode.NO_TARGETS, Severity.WARNING)
    assert result.steps[0].skipped == "No deployment target of Production has one of the tags db or cache."
    assert result.can_start


def test_a_step_that_names_no_tags_cannot_start():
    assert only_problem(planned(on_targets(tags=()))).code is ProblemCode.NO_TARGET_TAGS


@pytest.mark.parametrize(
    ("fields", "code", "severity"),
    [
        ({"trouble": "it is unavailable"}, ProblemCode.TARGET_NOT_AVAILABLE, Severity.ERROR),
        ({"trouble": "it is draining", "returns": True}, ProblemCode.TARGET_NOT_AVAILABLE, Severity.WARNING),
    ],
)
def test_a_target_that_cannot_take_work(fields, code, severity):
    problem = only_problem(planned(on_targets(), targets=[target(1, **fields)]))

    assert (problem.code, problem.severity) == (code, severity)
    # Only its name is needed where the script runs on a worker.
    on_behalf = planned(on_targets(location=Location.ON_BEHALF), targets=[target(1, **fields)])
    assert on_behalf.problems == ()


def test_a_target_without_the_language_of_the_script():
    bare = replace(target(1), tools=frozenset())

    assert only_problem(planned(on_targets(), targets=[bare])).code is ProblemCode.TARGET_LACKS_TOOLS


def value(id, text, scope):
    return Candidate(id, "Port", VariableType.STRING, text, Scope.of(scope))


def test_values_differ_from_target_to_target():
    values = [
        value("1", "80", {}),
        value("2", "81", {Kind.ROLE: ["WEB"]}),
        value("3", "82", {Kind.ROLE: ["eu"]}),
        value("4", "83", {Kind.MACHINE: ["2"]}),
    ]
    result = planned(on_targets(script="#{Port}"), candidates=values)
    (step,) = result.steps

    found = {one.name: step_values(result, step, one)["Port"].value for one in step.targets}

    # web-3 has the tag eu as well, but the step names web.
    assert found == {"web-1": "81", "web-2": "83", "web-3": "81"}
    assert result.problems == ()


def test_a_value_that_is_missing_on_one_target_is_told():
    result = planned(on_targets(script="#{Port}"), candidates=[value("1", "80", {Kind.MACHINE: ["1"]})])

    assert {one.code for one in result.problems} == {ProblemCode.MISSING_VALUE}


def test_values_that_tie_on_one_target_are_an_error():
    values = [value("1", "a", {Kind.ROLE: ["a"]}), value("2", "b", {Kind.ROLE: ["b"]})]
    result = planned(on_targets(), targets=[target(1, "web"), target(2, "web", "a", "b")], candidates=values)

    assert only_problem(result).code is ProblemCode.TIED_VALUES


def test_each_target_is_a_lane_and_the_window_limits_them():
    after = StepDef("s2", "After", 2, (action("a2", worker_pool_variable=None),))
    result = planned(on_targets(window=2), after)
    first, second, third, last = units(result.steps, abreast=result.abreast)

    assert [one.target.name for one in (first, second, third)] == ["web-1", "web-2", "web-3"]
    assert first.place == Place(stage=1, step=1, lane=1, window=2)
    assert third.place == Place(stage=1, step=1, lane=3, window=2)
    assert (last.number, last.target, last.step.number) == (4, None, 2)
    assert last.place == Place(stage=4, step=4, lane=4)


def test_without_a_window_it_is_the_usual_number():
    assert units(planned(on_targets()).steps, abreast=7)[0].place.window == 7
    five = planned(on_targets(), candidates=[text_value("Octopus.Action.MaxParallelism", "5")])
    assert five.abreast == 5


def test_targets_of_steps_that_start_together():
    beside = StepDef("s2", "B", 2, (action("a2", worker_pool_variable=None),), start=Start.WITH_PREVIOUS)
    found = units(planned(on_targets(), beside).steps, abreast=10)

    assert [one.place.stage for one in found] == [1, 1, 1, 1]
    assert [one.place.step for one in found] == [1, 1, 1, 4]


def test_a_plan_with_targets_is_stored_and_read():
    result = planned(on_targets(window=2))

    assert RunPlan.from_json(result.to_json()) == result


def test_a_target_that_came_meanwhile_is_a_difference():
    def shown(result):
        return Shown("Snapshot 1", "Snapshot 1", (describe("prod", "Production", result, fingerprint=str),))

    before, after = planned(on_targets(), targets=THREE[:2]), planned(on_targets(), targets=THREE[1:])

    found = [one.sentence for one in differences(shown(before), shown(after))]
    assert found == [
        "Step 1 Action a1 runs for web-3.",
        "Step 1 Action a1 runs no longer for web-1.",
    ]
