"""What runs: snapshots, runs, releases, deployments, tasks, and the audit of it all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tasks.models import ServerTask
from tests.api.client import api_of
from tests.api.flows import POOL_VARIABLE, named, script, set_steps
from tests.factories import MachineFactory, SpaceFactory


class TestRunbooks:
    def test_snapshots(self, api, world):
        assert world.snapshot["Name"] == "First"
        runbook = api.get(world.runbook["Links"]["Self"])
        assert runbook["PublishedRunbookSnapshotId"] == world.snapshot["Id"]

        body = {"ProjectId": world.project["Id"], "RunbookId": runbook["Id"], "Name": "Second"}
        second = api.post(f"/api/projects/{world.project['Id']}/runbookSnapshots", body)

        assert api.get(world.runbook["Links"]["Self"])["PublishedRunbookSnapshotId"] == world.snapshot["Id"]
        assert [one["Id"] for one in api.get(runbook["Links"]["RunbookSnapshots"])["Items"]] == [
            second["Id"],
            world.snapshot["Id"],
        ]
        assert api.refused("POST", "/api/runbookSnapshots", body)[0] == 400
        assert api.get(f"/api/projects/{world.project['Id']}/runbooks/back-up")["Id"] == runbook["Id"]
        assert api.get(runbook["Links"]["RunbookSnapshotTemplate"])["NextNameIncrement"] == "Snapshot 3"

    def test_an_empty_process_has_no_snapshot(self, api, world):
        empty = api.post(f"/api/projects/{world.project['Id']}/runbooks", {"Name": "Empty"})

        status, text = api.refused("POST", "/api/runbookSnapshots", {"RunbookId": empty["Id"], "Name": "x"})

        assert (status, "no steps" in text) == (400, True)
        api.delete(empty["Links"]["Self"])


class TestExecutions:
    @pytest.fixture(autouse=True)
    def _workers(self, world, space):
        for pool in (world.dev_pool, world.live_pool):
            MachineFactory(space=space, pools=[int(pool["Id"].rpartition("-")[2])])

    def test_a_run_by_names(self, api, world):
        started = world.run("development", "Production")

        assert len(started) == 2
        runs = api.get(f"/api/runbookRuns?ids={','.join(one['RunbookRunId'] for one in started)}&take=2")[
            "Items"
        ]
        assert {run["EnvironmentId"] for run in runs} == {world.dev["Id"], world.live["Id"]}
        task = api.get(runs[0]["Links"]["Task"])
        assert task["Arguments"] == {"RunbookRunId": runs[0]["Id"]}
        assert (task["State"], task["IsCompleted"], task["Name"]) == ("Queued", False, "RunbookRun")
        assert runs[0]["RunbookSnapshotId"] == world.snapshot["Id"]

    def test_a_run_of_a_named_snapshot(self, api, world):
        body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Production"]}

        for name in ("first", world.snapshot["Id"]):
            assert api.post("/api/runbook-runs/create/v1", {**body, "Snapshot": name})
        assert api.refused("POST", "/api/runbook-runs/create/v1", {**body, "Snapshot": "none"})[0] == 400

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"ProjectName": "Nothing"}, "not found"),
            ({"RunbookName": "Nothing"}, "not found"),
            ({"EnvironmentNames": ["Nowhere"]}, "not found"),
            ({"EnvironmentNames": []}, "at least one environment"),
            ({"EnvironmentNames": "Production"}, "EnvironmentNames"),
            ({"Tenants": ["Nobody"]}, "not found"),
            ({"RunAt": "yesterday"}, "RunAt"),
            ({"NoRunAfter": "2020-01-01T00:00:00Z"}, "before the start"),
            ({"SkipStepNames": ["Copi"]}, "The process has no step 'Copi'"),
            ({"SkipStepNames": ["Actions-999999"]}, "no step 'Actions-999999'"),
            ({"Variables": {"a": "b"}}, "Nothing asks for a value of a."),
        ],
    )
    def test_bad_input_starts_nothing(self, api, world, change, words):
        body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Production"]}

        status, text = api.refused("POST", "/api/runbook-runs/create/v1", {**body, **change})

        assert status == 400
        assert words in text
        assert ServerTask.objects.count() == 0

    def test_steps_are_left_out(self, api, world):
        path = f"/api/runbookProcesses/{world.runbook['RunbookProcessId']}"
        steps = [script(name, WorkerPoolVariable=POOL_VARIABLE) for name in ("Copy", "Check")]
        [_, check] = set_steps(api, path, *steps)["Steps"]
        api.post("/api/runbookSnapshots?publish=true", {"RunbookId": world.runbook["Id"], "Name": "Two"})
        body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Development"]}
        by_name = {**body, "SkipStepNames": [" check"]}

        [plan] = api.post("/api/runbook-runs/preview/v1", by_name)["Plans"]
        [started] = api.post("/api/runbook-runs/create/v1", by_name)["RunbookRunServerTasks"]

        assert [one["Skipped"] for one in plan["Steps"]] == [None, "Left out of this run"]
        assert api.get(f"/api/tasks/{started['ServerTaskId']}/plan")["Steps"] == plan["Steps"]
        action = check["Actions"][0]["Id"]
        row = api.get(f"/api/runbookRuns/{started['RunbookRunId']}")
        assert row["SkipActions"] == [action]
        again = {"RunbookId": world.runbook["Id"], "EnvironmentId": world.dev["Id"], "SkipActions": [action]}
        assert api.post("/api/runbookRuns", again)["SkipActions"] == [action]

    def test_a_required_step_cannot_be_left_out(self, api, world):
        step = script("Copy", WorkerPoolVariable=POOL_VARIABLE)
        step["Actions"][0]["IsRequired"] = True
        set_steps(api, f"/api/runbookProcesses/{world.runbook['RunbookProcessId']}", step)
        api.post("/api/runbookSnapshots?publish=true", {"RunbookId": world.runbook["Id"], "Name": "Required"})
        body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Development"]}

        status, text = api.refused("POST", "/api/runbook-runs/create/v1", {**body, "SkipStepNames": ["Copy"]})

        assert (status, ServerTask.objects.count()) == (400, 0)
        assert "cannot be left out" in text

    def test_a_plan_with_errors_says_them(self, api, world):
        variables = api.get(world.project["Links"]["Variables"])
        api.put(world.project["Links"]["Variables"], {**variables, "Variables": []})
        api.post("/api/runbookSnapshots?publish=true", {"RunbookId": world.runbook["Id"], "Name": "Bare"})

        body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Production"]}
        status, text = api.refused("POST", "/api/runbook-runs/create/v1", body)

        assert status == 400
        assert POOL_VARIABLE in text

    def test_options(self, api, world):
        later = timezone.now() + timedelta(hours=1)
        body = {
            "ProjectName": world.project["Id"],
            "RunbookName": world.runbook["Id"],
            "EnvironmentNames": [world.dev["Id"]],
            "RunAt": later.isoformat(),
            "NoRunAfter": (later + timedelta(hours=1)).isoformat(),
            "UseGuidedFailure": True,
            "Priority": "On",
        }

        [started] = api.post("/api/runbook-runs/create/v1", body)["RunbookRunServerTasks"]

        task = ServerTask.objects.get(pk=int(started["ServerTaskId"].rpartition("-")[2]))
        assert task.start_at == later
        assert task.queue_expires_at == later + timedelta(hours=1)
        assert task.guided_failure
        assert task.queue_rank == 1

    def test_releases_and_deployments(self, api, world):
        pool = world.dev_pool["Id"]
        set_steps(api, world.project["Links"]["DeploymentProcess"], script("Copy", WorkerPoolId=pool))
        made = api.post("/api/releases/create/v1", {"projectName": "orders"})
        assert made["ReleaseVersion"] == "0.0.1"
        assert api.refused(
            "POST", "/api/releases/create/v1", {"ProjectName": "Orders", "ReleaseVersion": "0.0.1"}
        )
        again = {"ProjectName": "Orders", "ReleaseVersion": "0.0.1", "IgnoreIfAlreadyExists": True}
        assert api.post("/api/releases/create/v1", again)["ReleaseId"] == made["ReleaseId"]
        assert api.get("/api/projects/orders/releases/0.0.1")["Id"] == made["ReleaseId"]
        found = api.get("/api/projects/Orders/releases?searchByVersion=0.0")
        assert found["TotalResults"] == 1

        start = {"ProjectName": "Orders", "ReleaseVersion": "0.0.1", "EnvironmentNames": ["Development"]}
        [one] = api.post("/api/deployments/create/untenanted/v1", start)["DeploymentServerTasks"]
        deployment = api.get(f"/api/deployments/{one['DeploymentId']}")
        assert deployment["ReleaseId"] == made["ReleaseId"]
        assert api.get(f"/api/releases/{made['ReleaseId']}/deployments")["TotalResults"] == 1
        classic = api.post(
            "/api/deployments", {"ReleaseId": made["ReleaseId"], "EnvironmentId": world.dev["Id"]}
        )
        assert classic["TaskId"] != deployment["TaskId"]
        assert (
            api.refused("POST", "/api/releases/create/v1", {"ProjectName": "Orders", "ReleaseVersion": "x"})[
                0
            ]
            == 400
        )

    def test_tenants(self, api, world):
        set_steps(
            api,
            world.project["Links"]["DeploymentProcess"],
            script("Copy", WorkerPoolId=world.dev_pool["Id"]),
        )
        api.put(world.project["Links"]["Self"], {"TenantedDeploymentMode": "TenantedOrUntenanted"})
        named(api, "tagsets", Name="Region", Tags=[{"Name": "EU"}])
        links = {world.project["Id"]: [world.dev["Id"]]}
        named(api, "tenants", Name="Acme", TenantTags=["Region/EU"], ProjectEnvironments=links)
        named(api, "tenants", Name="Umbrella", ProjectEnvironments=links)
        api.post("/api/releases/create/v1", {"ProjectName": "Orders", "ReleaseVersion": "1.0.0"})
        start = {"ProjectName": "Orders", "ReleaseVersion": "1.0.0", "EnvironmentName": "Development"}
        path = "/api/deployments/create/tenanted/v1"

        by_name = api.post(path, {**start, "Tenants": ["acme", "Umbrella"]})["DeploymentServerTasks"]
        by_tag = api.post(path, {**start, "TenantTags": ["Region/EU"]})["DeploymentServerTasks"]

        assert (len(by_name), len(by_tag)) == (2, 1)
        assert api.refused("POST", path, start)[0] == 400
        assert api.refused("POST", path, {**start, "TenantTags": ["Region/US"]})[0] == 400

    def test_an_operator_runs_and_a_viewer_does_not(self, world, operator, api_viewer):
        body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Production"]}

        assert api_of(operator).post("/api/runbook-runs/create/v1", body)
        assert api_viewer.refused("POST", "/api/runbook-runs/create/v1", body)[0] == 403


class TestTasks:
    @pytest.fixture
    def task(self, api, world, space) -> dict:
        MachineFactory(space=space, pools=[int(world.dev_pool["Id"].rpartition("-")[2])])
        [started] = world.run("Development")
        return api.get(f"/api/tasks/{started['ServerTaskId']}")

    def test_what_the_waiter_asks(self, api, task):
        found = api.get(f"/api/{task['SpaceId']}/tasks?skip=300&take=300&ids={task['Id']},ServerTasks-999")

        assert [one["Id"] for one in found["Items"]] == [task["Id"]]

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 1),
            ("states=Queued", 1),
            ("states=Success,Failed", 0),
            ("states=Junk", 0),
            ("active=true", 1),
            ("active=false", 0),
            ("running=true", 0),
            ("name=RunbookRun", 1),
            ("name=Deploy", 0),
            ("environment={dev}", 1),
            ("environment={live}", 0),
            ("project={project}&runbook={runbook}", 1),
            ("hasPendingInterruptions=true", 0),
            ("hasWarningsOrErrors=false", 1),
            ("fromQueueDate=2020-01-01T00:00:00Z&toQueueDate=2099-01-01T00:00:00%2B00:00", 1),
            ("toQueueDate=2020-01-01T00:00:00Z", 0),
            ("spaces=Spaces-999", 0),
        ],
    )
    def test_filters(self, api, world, task, query, count):
        names = {
            "dev": world.dev["Id"],
            "live": world.live["Id"],
            "project": world.project["Id"],
            "runbook": world.runbook["Id"],
        }
        assert api.get(f"/api/tasks?{query.format(**names)}")["TotalResults"] == count

    def test_a_bad_moment(self, api, task):
        assert api.refused("GET", "/api/tasks?fromQueueDate=yesterday")[0] == 400

    def test_cancel_prioritize_rerun(self, api, world, task):
        [second] = world.run("Development")
        behind = api.get(f"/api/tasks/{second['ServerTaskId']}/queued-behind")
        assert [one["Id"] for one in behind["Items"]] == [task["Id"]]
        api.post(f"/api/tasks/{second['ServerTaskId']}/prioritize")
        assert api.get(f"/api/tasks/{second['ServerTaskId']}/queued-behind")["Items"] == []

        assert api.refused("POST", f"/api/tasks/rerun/{task['Id']}")[0] == 409
        assert api.post(f"/api/tasks/{task['Id']}/cancel", {})["State"] == "Canceled"
        assert api.post(f"/api/spaces/{task['SpaceId']}/tasks/{task['Id']}/cancel")["State"] == "Canceled"
        assert api.refused("POST", f"/api/tasks/{task['Id']}/prioritize")[0] == 409
        again = api.post(f"/api/tasks/rerun/{task['Id']}")
        assert again["Id"] != task["Id"]
        assert api.post(f"/api/tasks/{again['Id']}/state", {"state": "Canceled", "reason": "x"})[
            "IsCompleted"
        ]
        assert api.refused("POST", f"/api/tasks/{again['Id']}/state", {"State": "Success"})[0] == 400

    def test_details_and_raw(self, api, task):
        details = api.get(task["Links"]["Details"])

        [root] = details["ActivityLogs"]
        assert root["Status"] == "Pending"
        assert [one["Name"] for one in root["Children"]] == ["Step 1: Copy"]
        assert details["Task"]["Id"] == task["Id"]
        status, raw = api.send("GET", task["Links"]["Raw"])
        assert status == 200
        assert task["Id"] in raw

    def test_other_spaces(self, api, task):
        other = SpaceFactory(name="Other")

        assert api.get(f"/api/Spaces-{other.pk}/tasks")["Items"] == []
        assert api.refused("GET", f"/api/Spaces-{other.pk}/tasks/{task['Id']}")[0] == 404

    def test_a_stopped_space_starts_nothing(self, api, task, space):
        api.put(f"/api/spaces/Spaces-{space.pk}", {"TaskQueueStopped": True})

        from tasks.engine.admission import admit  # noqa: PLC0415

        admit(now=timezone.now())
        assert api.get(task["Links"]["Self"])["State"] == "Queued"


class TestEvents:
    def test_the_audit(self, api, world, api_viewer):
        found = api.get(f"/api/events?regarding={world.project['Id']}&eventCategories=Created")

        assert [one["Message"] for one in found["Items"]] == ["Created project Orders."]
        assert found["Items"][0]["RelatedDocumentIds"] == [world.project["Id"]]
        assert api_viewer.refused("GET", "/api/events")[0] == 403
        assert "Created" in [one["Id"] for one in api.get("/api/events/categories")]
