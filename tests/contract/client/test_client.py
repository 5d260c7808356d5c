"""The official client connects, builds, runs, waits and reads. Each test goes on from the ones before it."""

from __future__ import annotations

from typing import Any

import pytest

from pools.models import WorkerPool
from tests.contract.client.conftest import Drive
from tests.harness.installation import Installation

VARIABLE = "Project.WorkerPool"
PROJECT = {"project": "Orders", "runbook": "Back up"}
SECRET = "correct horse battery"  # a test's


@pytest.fixture(scope="module")
def world() -> dict[str, Any]:
    """What one test makes and the next ones use."""
    return {}


def test_connect(drive: Drive) -> None:
    found = drive("connect")

    assert found["username"] == "admin"
    assert found["information"]["version"] >= "2022.3.5512"
    assert found["information"]["installationId"]


def test_spaces(drive: Drive) -> None:
    found = drive("spaces", name="Elsewhere")

    assert found["made"]["Name"] == "Elsewhere"
    assert found["born"] == {"lifecycle": "Default Lifecycle", "group": "Default Project Group"}
    assert found["listed"] == ["Elsewhere"]
    assert found["after"] == 0


def test_pools(drive: Drive, world: dict[str, Any], installation: Installation) -> None:
    found = drive("pools", names=["SQL - Dev", "SQL - Production"])

    assert found["changed"]["Description"] == "Changed"
    assert found["got"]["WorkerPoolType"] == "StaticWorkerPool"
    world["pools"] = found["made"]
    for number, pool in enumerate(found["made"]):
        row = WorkerPool.objects.get(pk=int(pool["Id"].rpartition("-")[2]))
        installation.add_agent(f"agent-{number}", pools=[row])


def test_environments(drive: Drive, world: dict[str, Any]) -> None:
    found = drive("environments", names=["Development", "Production"])

    assert [one["Name"] for one in found["made"]] == ["Development", "Production"]
    assert found["left"] == 0
    world["environments"] = found["made"]


def test_project(drive: Drive, world: dict[str, Any]) -> None:
    found = drive("project", name="Orders", runbook="Back up")

    assert found["project"]["TenantedDeploymentMode"] == "TenantedOrUntenanted"
    assert found["runbook"]["RunbookProcessId"] == f"RunbookProcess-{found['runbook']['Id']}"


def test_variables(drive: Drive, world: dict[str, Any]) -> None:
    pairs = zip(world["pools"], world["environments"], strict=True)
    values = [[pool["Id"], environment["Id"]] for pool, environment in pairs]

    found = drive("variables", project="Orders", variable=VARIABLE, values=values, secret=SECRET)

    pools = [one for one in found["Variables"] if one["Name"] == VARIABLE]
    assert [[one["Value"], one["Scope"]["Environment"][0]] for one in pools] == values
    assert SECRET not in str(found)


def test_process_with_a_pool_and_with_a_pool_variable(drive: Drive, world: dict[str, Any]) -> None:
    pool = world["pools"][0]["Id"]
    body = 'echo "Hello from the contract, $(uname)"'

    found = drive("process", **PROJECT, variable=VARIABLE, pool=pool, body=body)

    assert found["ofRunbook"]["Steps"][0]["Actions"][0]["WorkerPoolVariable"] == VARIABLE
    assert found["ofProject"]["Steps"][0]["Actions"][0]["WorkerPoolId"] == pool
    assert "saved by somebody else" in found["stale"]


def test_snapshot_run_and_wait(drive: Drive, world: dict[str, Any]) -> None:
    found = drive("run", **PROJECT, snapshot="Contract", environments=["Development", "Production"])

    assert found["snapshot"]["Name"] == "Contract"
    assert [one["State"] for one in found["tasks"]] == ["Success", "Success"]
    assert {one["EnvironmentId"] for one in found["runs"]} == {one["Id"] for one in world["environments"]}
    world["task"] = found["tasks"][0]["Id"]


def test_details_and_raw_log(drive: Drive, world: dict[str, Any]) -> None:
    found = drive("details", task=world["task"])

    [root] = found["details"]["ActivityLogs"]
    [step] = root["Children"]
    assert step["Status"] == "Success"
    lines = [line["MessageText"] for line in step["Children"][0]["LogElements"]]
    assert any("Hello from the contract" in line for line in lines)
    assert "Hello from the contract" in found["raw"]


def test_release_and_deployment(drive: Drive, world: dict[str, Any]) -> None:
    found = drive("deploy", project="Orders", environments=["Development"])

    assert found["release"]["ReleaseVersion"] == "0.0.1"
    assert [one["State"] for one in found["tasks"]] == ["Success"]
    assert found["deployments"][0]["ReleaseId"] == found["release"]["ReleaseId"]


def test_tenants(drive: Drive, world: dict[str, Any]) -> None:
    environment = world["environments"][0]

    found = drive("tenants", project="Orders", environment=environment, version="0.0.1")

    assert found["made"]["TenantTags"] == ["Region/EU"]
    assert found["listed"] == 1
    assert [one["State"] for one in found["tasks"]] == ["Success"]
    assert "Acme" in found["tasks"][0]["Description"]


def test_cancel(drive: Drive, world: dict[str, Any]) -> None:
    drive("process", **PROJECT, variable=VARIABLE, pool=world["pools"][0]["Id"], body="sleep 60")
    started = drive("run", **PROJECT, snapshot="Bare", environments=[], fails=True)
    assert "at least one environment" in started["error"]

    [task] = drive("cancel", **PROJECT, environments=["Development"])

    assert task["State"] == "Canceled"


def test_unknown_tasks(drive: Drive) -> None:
    assert "Unknown task Id(s) ServerTasks-999999" in drive("unknownTask", fails=True)["error"]


def test_bad_input(drive: Drive) -> None:
    found = drive("badInput", fails=True)

    assert found["status"] == 400
    assert "There was a problem with your request." in found["error"]
    assert "not found" in found["error"]


def test_nowhere(drive: Drive) -> None:
    found = drive("nowhere", fails=True)

    assert found["status"] == 404
    assert "not found" in found["error"]


def test_no_key(drive: Drive) -> None:
    found = drive("noKey", fails=True)

    assert found["status"] == 401
    assert "You must be logged in to request this resource" in found["error"]
