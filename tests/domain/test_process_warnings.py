"""Warnings that are no errors: each with its step and field, and none where only a run can tell."""

from __future__ import annotations

import pytest

from domain.conditions import Applies
from domain.process_warnings import PoolFacts, Surroundings, warnings
from domain.processes import MANUAL_ACTION, MANUAL_INSTRUCTIONS, SCRIPT_BODY, ActionDef, ProcessDef, StepDef
from domain.scopes import Kind, Scope
from domain.step_rules import Condition
from domain.variables import Candidate, VariableType

TEST, LIVE = "1", "2"
POOLS = {"10": PoolFacts("Linux", has_workers=True), "11": PoolFacts("SQL", has_workers=False)}


def value(name: str, text: str = "x", type: VariableType = VariableType.STRING, **scope: str) -> Candidate:
    kinds = {Kind[kind.upper()]: [id] for kind, id in scope.items()}
    return Candidate(id=f"{name}{text}{scope}", name=name, type=type, value=text, scope=Scope.of(kinds))


def said(
    action: ActionDef, *values: Candidate, step: dict | None = None, default: str | None = "10"
) -> list[str]:
    around = Surroundings(
        environments=[(TEST, "Test"), (LIVE, "Live")],
        pools=POOLS,
        default_pool=default,
        candidates=values,
        process_ref="deployment",
    )
    process = ProcessDef((StepDef("7", "Back up", 3, (action,), **(step or {})),))
    found = warnings(process, around)
    assert all((one.step_id, one.number) == ("7", 3) for one in found)
    return [f"{one.field}: {one.message}" for one in found]


def script(text: str, **fields) -> ActionDef:
    return ActionDef("70", "Back up", properties={SCRIPT_BODY: text}, **fields)


def by(variable: str, **fields) -> ActionDef:
    return script("", worker_pool_variable=variable, **fields)


def pool(text: str, **scope: str) -> Candidate:
    return value("Pool", text, VariableType.WORKER_POOL, **scope)


@pytest.mark.parametrize(
    ("action", "values", "words"),
    [
        (script("echo"), [], []),
        (script("echo", worker_pool_id="11"), [], ["Worker pool: SQL has no workers."]),
        (script("echo", worker_pool_id="11", is_disabled=True), [], []),
        (by("Pool"), [], ["Worker pool: There is no variable Pool."]),
        (by("pool "), [pool("10")], []),
        (by("Pool"), [pool("10", environment=LIVE)], ["Worker pool: Pool has no value in Test."]),
        (by("Pool", applies=Applies(environments=(LIVE,))), [pool("10", environment=LIVE)], []),
        (by("Pool", applies=Applies(excluded_environments=(TEST,))), [pool("10", environment=LIVE)], []),
        (
            by("Pool"),
            [pool("10"), pool("11", environment=LIVE)],
            ["Worker pool: Pool picks SQL in Live, which has no workers."],
        ),
        # A value of a tenant may be the one that a run gets.
        (by("Pool"), [pool("11", tenant="5")], []),
        (by("Pool"), [pool("10", action="71")], ["Worker pool: Pool has no value in Test and Live."]),
        (by("Pool"), [pool("10", action="70")], []),
        (by("Pool"), [pool("10", process="runbook:1")], ["Worker pool: Pool has no value in Test and Live."]),
        (by("Pool"), [pool("10", process="deployment")], []),
        (by(""), [], []),
    ],
)
def test_pools(action, values, words):
    assert said(action, *values) == words


def test_without_a_default_pool():
    assert said(script("echo"), default=None) == [
        "Worker pool: No pool is the default, so this step has none."
    ]


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("#{Name}", [value("name")], []),
        ("#{Name}", [value("Name", tenant="5")], []),
        ("#{Name}", [], ["Script: #{Name} is no variable of this project. It stays as it is written."]),
        ("#{Name} #{ Name }", [value("Name", environment=TEST)], ["Script: #{Name} has no value in Live."]),
        ("#{Name | ToUpper}", [value("Name", environment=TEST)], ["Script: #{Name} has no value in Live."]),
        ("#{if Debug}set -x#{/if}", [], []),
        ("#{if Debug}set -x#{/if}", [value("Debug", environment=TEST)], []),
        ("#{each one in All}#{one.Name}#{/each}", [value("All")], []),
        ("#{Config.Key} #{Config[0]} #{Config:Key}", [value("Config", "{}")], []),
        ("#{Login.Username}", [value("Login", "3", VariableType.USERNAME_PASSWORD)], []),
        ("#{Octopus.Environment.Name} #{Octopus.Action[back up].Output.X}", [], []),
        (
            "#{Octopus.Action[Check].Output.X} #{Octopus.Step[Check].Status.Code}",
            [],
            ["Script: There is no step Check here, so nothing of it can be used."],
        ),
        (
            "#{Octopus.Nothing}",
            [],
            ["Script: #{Octopus.Nothing} is no variable of this project. It stays as it is written."],
        ),
        ("#{Name", [], []),
    ],
)
def test_names(text, values, words):
    assert said(script(text), *values) == words


def test_names_in_instructions_and_in_a_condition_that_counts():
    manual = ActionDef("70", "Ask", action_type=MANUAL_ACTION, properties={MANUAL_INSTRUCTIONS: "#{A}"})
    step = {"condition": Condition.VARIABLE, "expression": "#{B}"}

    assert said(manual, value("A"), value("B", environment=LIVE), step=step) == [
        "Expression: #{B} has no value in Test."
    ]
    assert said(manual, value("A"), step={"expression": "#{B}"}) == []
