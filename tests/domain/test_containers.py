"""Steps inside of containers: what the machine needs, what it gets, and what the plan says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import containers
from domain.placement import Wait, WorkerFacts, choose
from domain.planning import plan
from domain.plans import PoolCapacity, PoolInfo, ProblemCode
from domain.processes import (
    CONTAINER_ACCOUNT,
    CONTAINER_IMAGE,
    SCRIPT_BODY,
    SCRIPT_SYNTAX,
    ActionDef,
    ProcessDef,
    StepDef,
)
from domain.scopes import Context

IMAGE = {CONTAINER_IMAGE: "debian:#{Version}"}


def planned(*, tools: list[set[str]], **properties: str):
    action = ActionDef("1", "A", properties={SCRIPT_BODY: "true", **properties})
    return plan(
        process=ProcessDef((StepDef("1", "A", 1, (action,)),)),
        candidates=(),
        context=Context(environment="1"),
        pools={"1": PoolInfo("1", "SQL", is_default=True)},
        capacity={"1": PoolCapacity(len(tools), len(tools), 2, 2)},
        names={},
        tools_of=lambda pool: [frozenset(one) for one in tools],
    )


def test_in_a_container_the_languages_are_the_business_of_the_image():
    assert containers.needs(IMAGE, ("python", "git", "step-programs"), "step-programs") == (
        "containers",
        "step-programs",
    )
    assert containers.needs({}, ("python",), "step-programs") == ("python",)
    assert containers.needs({CONTAINER_IMAGE: "  "}, ("python",), "step-programs") == ("python",)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"R.Username": "ada", "R.Password": "pw"}, {"username": "ada", "password": "pw"}),
        ({"R.Username": "ada", "R.Token": "t"}, {"username": "ada", "password": "t"}),
        ({}, {}),
    ],
)
def test_what_the_worker_gets(values, found):
    def fill(text: str) -> str:
        for name, value in {"Version": "12", **values}.items():
            text = text.replace(f"#{{{name}}}", value)
        return text

    assert containers.filled({**IMAGE, CONTAINER_ACCOUNT: "R"}, fill) == {"image": "debian:12", **found}
    assert containers.filled({CONTAINER_ACCOUNT: "R"}, fill) == {}


def test_the_plan_says_that_no_worker_of_the_pool_has_an_engine():
    result = planned(tools=[{"bash"}, {"bash", "python"}], **{CONTAINER_IMAGE: "debian:12"})

    assert result.steps[0].needs == ("containers",)
    [problem] = result.problems
    assert (problem.code, result.can_start) == (ProblemCode.NO_AVAILABLE_WORKER, False)
    assert problem.message == "Step 1 needs docker or podman, which no available worker of SQL has."


def test_one_worker_with_an_engine_is_enough():
    assert planned(tools=[{"bash"}, {"containers"}], **{CONTAINER_IMAGE: "debian:12"}).problems == ()


def test_the_plan_says_that_no_worker_has_powershell():
    result = planned(tools=[{"bash"}], **{SCRIPT_SYNTAX: "PowerShell"})

    assert "needs PowerShell (pwsh), which no available worker" in result.problems[0].message
    assert planned(tools=[{"powershell"}], **{SCRIPT_SYNTAX: "PowerShell"}).problems == ()


def test_a_name_in_the_image_without_a_value_is_told():
    result = planned(tools=[{"containers"}], **IMAGE)

    assert "The container image of step 1 refers to #{Version}" in result.problems[0].message


def test_the_queue_says_what_no_worker_has():
    worker = WorkerFacts("1", "w", 1, 0, frozenset({"bash"}))

    wait = choose([worker], pool="SQL", needs=["containers"])

    assert wait == Wait("No available worker of SQL has docker or podman.")
    able = replace(worker, tools=frozenset({"containers"}))
    assert not isinstance(choose([worker, able], pool="SQL", needs=["containers"]), Wait)
