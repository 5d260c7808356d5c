"""Deployment targets through the API."""

from __future__ import annotations

import pytest

from environments.models import Environment
from tests.factories import MachineFactory, TargetFactory, TenantFactory, WorkerPoolFactory


@pytest.fixture
def target(space, world):
    live = Environment.objects.get(name=world.live["Name"])
    return TargetFactory(space=space, name="web-1", environments=[live], tags=["web", "eu"])


def test_a_target_as_it_travels(api, world, target):
    found = api.get(f"/api/machines/Machines-{target.pk}")

    assert found["EnvironmentIds"] == [world.live["Id"]]
    assert sorted(found["Roles"]) == ["eu", "web"]
    assert (found["TenantedDeploymentParticipation"], found["TenantIds"], found["TenantTags"]) == (
        "Untenanted",
        [],
        [],
    )
    assert found["Endpoint"]["CommunicationStyle"] == "TentacleActive"
    assert api.get(found["Links"]["Connection"])["Status"] == "Online"
    assert [one["Name"] for one in api.get(world.live["Links"]["Machines"])["Items"]] == ["web-1"]
    assert api.get(world.dev["Links"]["Machines"])["Items"] == []
    assert api.get("/api/machineroles/all") == ["eu", "web"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("roles=WEB,x", True),
        ("roles=x", False),
        ("environmentIds={live}", True),
        ("environmentIds={dev}", False),
        ("tenantIds=Tenants-999", False),
        ("healthStatuses=Healthy", True),
        ("commStyles=Ssh", False),
        ("name=WEB-1", True),
    ],
)
def test_filters(api, world, target, query, found):
    query = query.format(live=world.live["Id"], dev=world.dev["Id"])

    assert len(api.get(f"/api/machines?{query}")["Items"]) == found
    assert len(api.get(f"/api/machines/all?{query}")) == found


def test_changing_and_deleting_one(api, space, world, target):
    tenant = TenantFactory(space=space)
    own = f"/api/machines/Machines-{target.pk}"

    changed = api.put(
        own,
        {
            "Roles": ["db", "DB"],
            "EnvironmentIds": [world.dev["Id"]],
            "TenantedDeploymentParticipation": "Tenanted",
            "TenantIds": [f"Tenants-{tenant.pk}"],
            "IsDisabled": True,
        },
    )

    assert (changed["Roles"], changed["EnvironmentIds"], changed["IsDisabled"]) == (
        ["db"],
        [world.dev["Id"]],
        True,
    )
    assert api.refused("PUT", own, {"Roles": []})[0] == 400
    assert api.refused("PUT", own, {"EnvironmentIds": []})[0] == 400
    assert api.refused("PUT", own, {"TenantIds": []})[0] == 400
    assert api.refused("PUT", own, {"Roles": ["a,b"]})[0] == 400
    assert api.refused("POST", "/api/machines", {"Name": "x"})[0] == 400
    api.delete(own)
    assert api.refused("GET", own)[0] == 404


def test_workers_and_targets_are_told_apart(api, space, target):
    worker = MachineFactory(space=space, pools=[WorkerPoolFactory(space=space)])

    assert api.refused("GET", f"/api/machines/Machines-{worker.pk}")[0] == 404
    assert api.refused("GET", f"/api/workers/Workers-{target.pk}")[0] == 404


def test_a_code_to_join(api, world, api_viewer):
    body = {"EnvironmentIds": [world.dev["Id"]], "Roles": ["web"]}

    assert api.post("/api/machines/enrolment-codes", body)["Code"]
    assert api.refused("POST", "/api/machines/enrolment-codes", {**body, "Roles": []})[0] == 400
    assert api_viewer.refused("POST", "/api/machines/enrolment-codes", body)[0] == 403
