from __future__ import annotations

import pytest

from domain.plans import PlannedStep, PoolReason, ReasonKind
from domain.processes import SCRIPT_BODY
from domain.used_names import used_names


def step(script: str, *, pool_variable: str | None = None, expression: str = "") -> PlannedStep:
    return PlannedStep(
        number=1,
        step_id="s",
        action_id="a",
        name="Migrate",
        action_type="Octopus.Script",
        properties={SCRIPT_BODY: script},
        why=PoolReason(ReasonKind.VARIABLE, "", variable=pool_variable),
        expression=expression,
    )


VALUES = {
    "Database": "orders",
    "Database.Server": "sql-1 in #{Region}",
    "Region": "north",
    "Login": "",
    "Other": "#{Database.Server}",
    "SqlPool": "SQL",
}


@pytest.mark.parametrize(
    ("script", "used"),
    [
        ("echo #{Database}", {"Database"}),
        ("echo #{ database.server }", {"Database.Server", "Region"}),
        ('name=$(get_octopusvariable "Region")', {"Region"}),
        ("Write-Host $OctopusParameters['Login.Password']", {"Login"}),
        ("echo #{if Region == 'north'}yes#{/if}", {"Region"}),
        ("echo Regional TheDatabase", set()),
        ("echo My.Region", set()),
        ("echo #{Other}", {"Other", "Database.Server", "Region"}),
    ],
)
def test_what_a_script_names_is_used_and_what_that_refers_to(script, used):
    assert used_names(step(script), VALUES) == used


def test_the_pool_and_the_condition_use_variables_as_well():
    assert used_names(step("", pool_variable="SqlPool"), VALUES) == {"SqlPool"}
    assert used_names(step("", expression="#{Region}"), VALUES) == {"Region"}


def test_values_that_refer_to_each_other_end():
    assert used_names(step("#{A}"), {"A": "#{B}", "B": "#{A}", "C": "#{A}"}) == {"A", "B"}
