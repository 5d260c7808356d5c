"""The doctor of workers and deployment targets."""

from __future__ import annotations

from environments.models import Environment
from octoworkers.version import VERSION
from tests.factories import MachineFactory
from workers.models import Health


def verdicts(found) -> dict[str, str]:
    return {one["Name"]: one["Verdict"] for one in found["Checks"]}


def test_a_worker_that_nothing_is_wrong_with(api, space, world) -> None:
    pool = int(world.dev_pool["Id"].rpartition("-")[2])
    machine = MachineFactory(space=space, pools=[pool], channel="x", agent_version=VERSION)

    found = api.get(api.get(f"/api/workers/{machine.slug}")["Links"]["Doctor"])

    assert found["Id"] == f"Workers-{machine.pk}"
    assert found["Verdict"] == "Ok", found
    assert "SQL - Dev" in str(found["Checks"])


def test_a_worker_that_gets_no_work(api, space) -> None:
    machine = MachineFactory(
        space=space,
        channel="",
        is_disabled=True,
        is_draining=True,
        health=Health.UNAVAILABLE,
        health_reason="Nothing was heard of it",
    )

    found = api.get(f"/api/workers/Workers-{machine.pk}/doctor")

    assert found["Verdict"] == "Problem"
    wrong = {name for name, verdict in verdicts(found).items() if verdict == "Problem"}
    assert wrong >= {"Connection", "Health", "Enabled", "Draining"}
    assert "Nothing was heard of it" in str(found["Checks"])


def test_a_deployment_target(api, space, world) -> None:
    machine = MachineFactory(space=space, channel="x", agent_version=VERSION)
    machine.environments.add(Environment.objects.get(name="Development"))

    found = api.get(f"/api/machines/Machines-{machine.pk}/doctor")

    assert verdicts(found)["Places"] == "Ok"
    assert api.refused("GET", "/api/machines/Machines-999999/doctor")[0] == 404
