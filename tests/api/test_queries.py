"""Lists cost as many queries for many rows as for a few."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import (
    ChannelFactory,
    DeploymentFactory,
    EnvironmentFactory,
    EventFactory,
    ExecutionFactory,
    LibraryVariableSetFactory,
    MachineFactory,
    ProjectFactory,
    RunbookFactory,
    RunbookRunFactory,
    RunbookSnapshotFactory,
    ServerTaskFactory,
    TagFactory,
    TenantFactory,
    TenantLinkFactory,
    VariableTemplateFactory,
    WorkerPoolFactory,
)

#: With the key and its owner, the space and the count. A list that costs more shows here.
QUERIES = {
    "environments": 4,
    "environments/v2": 4,
    "lifecycles": 5,
    "projectgroups": 4,
    "projects": 9,
    "libraryvariablesets": 6,
    "channels": 5,
    "workerpools": 4,
    "workerpools/summary": 10,
    "workers": 5,
    "machinepolicies": 4,
    "tenants": 8,
    "tagsets": 5,
    "runbooks": 4,
    "runbookSnapshots": 4,
    "runbookRuns": 5,
    "releases": 4,
    "deployments": 5,
    "tasks": 5,
    "interruptions": 3,
    "events": 4,
    "spaces": 4,
    "users": 4,
}


def fill(space, number: int) -> None:
    for _ in range(number):
        environment = EnvironmentFactory(space=space)
        project = ProjectFactory(space=space)
        pool = WorkerPoolFactory(space=space)
        MachineFactory(space=space, pools=[pool])
        library_set = LibraryVariableSetFactory(space=space)
        project.library_sets.add(library_set)
        for kind, owner in (("project", project), ("library", library_set)):
            VariableTemplateFactory(variable_set__owner_kind=kind, variable_set__owner_id=owner.pk)
        tag = TagFactory(tag_set__space=space)
        tenant = TenantFactory(space=space)
        tenant.tags.add(tag)
        TenantLinkFactory(project=project, tenant=tenant, environments=[environment])
        runbook = RunbookFactory(project=project)
        snapshot = RunbookSnapshotFactory(runbook=runbook)
        task = ServerTaskFactory(space=space, environment=environment, tenant=tenant)
        ExecutionFactory(task=task)
        RunbookRunFactory(runbook=runbook, snapshot=snapshot, environment=environment, task=task)
        DeploymentFactory(release__project=project, environment=environment)
        EventFactory(space=space)
        ChannelFactory(project=project)


def cost(api, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        api.get(f"/api/{path}?take=100")
    return len(queries)


def test_every_list_is_flat(api, space):
    fill(space, 2)
    for path in QUERIES:
        # The first use of a key writes, and what is prepared once is prepared.
        api.get(f"/api/{path}")
    few = {path: cost(api, path) for path in QUERIES}

    fill(space, 8)

    assert {path: cost(api, path) for path in QUERIES} == few
    assert few == QUERIES


@pytest.mark.parametrize("path", ["projects", "tasks", "tenants"])
def test_one_costs_no_more_than_a_list(api, space, path):
    fill(space, 1)
    [row, *_] = api.get(f"/api/{path}")["Items"]

    with CaptureQueriesContext(connection) as queries:
        api.get(f"/api/{path}/{row['Id']}")

    assert len(queries) <= QUERIES[path]
