"""Each resource: made, read, changed, deleted, and what is refused."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Event
from tasks.models import ServerTask, TaskState
from tests.api.client import api_of
from tests.api.flows import POOL_VARIABLE, a_project, named, script, set_steps
from tests.factories import MachineFactory, TagFactory


class TestSpaces:
    def test_a_new_space_is_ready_to_use(self, api):
        made = api.post("/api/spaces", {"Name": "Other", "SpaceManagersTeamMembers": ["Users-1"]})
        home = f"/api/{made['Id']}"

        assert made["Links"]["SpaceHome"] == home
        pools = api.get(f"{home}/workerpools")["Items"]
        assert [pool["IsDefault"] for pool in pools] == [True]
        for path in ("lifecycles", "projectgroups", "machinepolicies"):
            assert api.get(f"{home}/{path}")["TotalResults"] == 1

    def test_deleting_needs_a_stopped_queue_and_an_empty_space(self, api):
        made = api.post("/api/spaces", {"Name": "Other"})
        own = made["Links"]["Self"]
        environment = api.post(f"/api/{made['Id']}/environments", {"Name": "Test"})

        status, text = api.refused("DELETE", own)
        assert (status, "TaskQueueStopped" in text) == (400, True)
        assert api.put(own, {"TaskQueueStopped": True})["TaskQueueStopped"] is True
        assert api.refused("DELETE", own)[0] == 409
        api.delete(environment["Links"]["Self"])
        api.delete(own)

        assert api.refused("GET", own)[0] == 404

    def test_the_default_space_stays(self, api, space):
        api.put(f"/api/spaces/Spaces-{space.pk}", {"TaskQueueStopped": True})

        assert api.refused("DELETE", f"/api/spaces/Spaces-{space.pk}")[0] == 409

    def test_names(self, api, api_viewer):
        api.post("/api/spaces", {"Name": "Other"})

        assert [
            one["Name"] for one in api.get("/api/spaces?partialName=oth&skip=0&take=2147483647")["Items"]
        ] == ["Other"]
        assert api.refused("POST", "/api/spaces", {"Name": "other"})[0] == 400
        assert api.refused("POST", "/api/spaces", {"Name": "x" * 51})[0] == 400
        assert api_viewer.refused("POST", "/api/spaces", {"Name": "Mine"})[0] == 403


class TestPoolsAndWorkers:
    def test_a_pool(self, api):
        made = api.post("/api/workerpools", {"Name": "SQL", "WorkerPoolType": "StaticWorkerPool"})

        assert made["Links"]["Workers"] == f"{made['Links']['Self']}/workers"
        assert api.put(made["Links"]["Self"], {"Name": "SQL", "IsDefault": True})["IsDefault"] is True
        assert [pool["IsDefault"] for pool in api.get("/api/workerpools")["Items"]].count(True) == 1
        assert api.refused("DELETE", made["Links"]["Self"])[0] == 409
        assert (
            api.refused("POST", "/api/workerpools", {"Name": "X", "WorkerPoolType": "DynamicWorkerPool"})[0]
            == 400
        )

    def test_a_pool_in_use_stays(self, api, world):
        status, text = api.refused("DELETE", world.dev_pool["Links"]["Self"])

        assert status == 409
        assert POOL_VARIABLE in text

    def test_workers(self, api, space, world):
        pool = world.dev_pool["Id"]
        machine = MachineFactory(space=space, name="db-1", pools=[int(pool.rpartition("-")[2])])
        own = f"/api/workers/Workers-{machine.pk}"

        found = api.get(own)
        assert found["WorkerPoolIds"] == [pool]
        assert found["Endpoint"]["CommunicationStyle"] == "TentacleActive"
        assert found["Endpoint"]["Uri"].startswith("poll://")
        assert [one["Name"] for one in api.get(world.dev_pool["Links"]["Workers"])["Items"]] == ["db-1"]
        assert api.get(f"/api/workers?workerPoolIds={world.live_pool['Id']}")["Items"] == []
        assert len(api.get("/api/workers?workerPoolIds=")["Items"]) == 1
        assert [one["Id"] for one in api.get(f"/api/workers/all?thumbprint={machine.thumbprint}")] == [
            found["Id"]
        ]

        changed = api.put(own, {"IsDisabled": True, "WorkerPoolIds": [world.live_pool["Id"]]})
        assert changed["IsDisabled"] is True
        assert changed["WorkerPoolIds"] == [world.live_pool["Id"]]
        assert api.refused("POST", "/api/workers", {"Name": "x"})[0] == 400
        api.delete(own)

    def test_a_code_to_join(self, api, world, api_viewer):
        made = api.post("/api/workers/enrolment-codes", {"WorkerPoolIds": [world.dev_pool["Id"]], "Slots": 3})

        assert made["Code"] in made["Command"]
        assert api.refused("POST", "/api/workers/enrolment-codes", {"WorkerPoolIds": []})[0] == 400
        assert api_viewer.refused("POST", "/api/workers/enrolment-codes", {})[0] == 403


class TestLifecycles:
    def test_phases(self, api, world):
        phases = [
            {"Name": "First", "OptionalDeploymentTargets": [world.dev["Id"]], "Id": "junk"},
            {"Name": "Last", "OptionalDeploymentTargets": [world.live["Id"]]},
        ]
        made = api.post("/api/lifecycles", {"Name": "Strict", "Phases": phases})

        assert [phase["Name"] for phase in made["Phases"]] == ["First", "Last"]
        first = made["Phases"][0]["Id"]
        swapped = api.put(made["Links"]["Self"], {**made, "Phases": list(reversed(made["Phases"]))})
        assert [phase["Id"] for phase in swapped["Phases"]][1] == first
        assert api.get(made["Links"]["Projects"])["Items"] == []
        bad = {"Name": "Auto", "Phases": [{"Name": "x", "AutomaticDeploymentTargets": [world.dev["Id"]]}]}
        assert api.refused("POST", "/api/lifecycles", bad)[0] == 400

    def test_a_lifecycle_holds_deployments_back(self, api, world, space):
        pool = world.dev_pool["Id"]
        MachineFactory(space=space, pools=[int(pool.rpartition("-")[2])])
        phases = [
            {"Name": "First", "OptionalDeploymentTargets": [world.dev["Id"]]},
            {"Name": "Last", "OptionalDeploymentTargets": [world.live["Id"]]},
        ]
        lifecycle = api.post("/api/lifecycles", {"Name": "Strict", "Phases": phases})
        api.put(world.project["Links"]["Self"], {"LifecycleId": lifecycle["Id"]})
        set_steps(api, world.project["Links"]["DeploymentProcess"], script("Copy", WorkerPoolId=pool))
        release = api.post("/api/releases/create/v1", {"ProjectName": "Orders"})
        start = {"ProjectName": "Orders", "ReleaseVersion": release["ReleaseVersion"]}
        path = "/api/deployments/create/untenanted/v1"

        status, text = api.refused("POST", path, {**start, "EnvironmentNames": ["Production"]})
        assert (status, "deploy this release to Development first" in text) == (400, True)
        [task] = api.post(path, {**start, "EnvironmentNames": ["Development"]})["DeploymentServerTasks"]
        number = int(task["ServerTaskId"].rpartition("-")[2])
        ServerTask.objects.filter(pk=number).update(state=TaskState.SUCCESS, completed_at=timezone.now())
        api.post(path, {**start, "EnvironmentNames": ["Production"]})
        assert api.refused("DELETE", lifecycle["Links"]["Self"])[0] == 409


class TestProjects:
    def test_a_project(self, api):
        made = a_project(api)

        assert made["VariableSetId"] == f"variableset-{made['Id']}"
        assert made["DeploymentProcessId"] == f"deploymentprocess-{made['Id']}"
        assert made["PersistenceSettings"] == {"Type": "Database"}
        for name in (
            "DeploymentProcess",
            "Channels",
            "Releases",
            "Runbooks",
            "Variables",
            "DeploymentSettings",
        ):
            api.get(made["Links"][name])
        assert api.get("/api/projects/ORDERS")["Id"] == made["Id"]
        assert api.get(f"/api/projects?ids={made['Id']}")["TotalResults"] == 1
        changed = api.put(
            made["Links"]["Self"], {"TenantedDeploymentMode": "Tenanted", "Description": "Shop"}
        )
        assert (changed["TenantedDeploymentMode"], changed["Description"]) == ("Tenanted", "Shop")
        assert api.refused("POST", "/api/projects", {"Name": "orders"})[0] == 400
        assert (
            api.refused("POST", "/api/projects", {"Name": "X", "ProjectGroupId": "ProjectGroups-99"})[0]
            == 400
        )
        api.delete(made["Links"]["Self"])
        assert api.refused("GET", made["Links"]["Self"])[0] == 404

    def test_groups(self, api):
        group = named(api, "projectgroups", Name="Shop")
        made = named(api, "projects", Name="Orders", ProjectGroupId=group["Id"])

        assert made["ProjectGroupId"] == group["Id"]
        assert made["LifecycleId"].startswith("Lifecycles-")
        assert [one["Name"] for one in api.get(group["Links"]["Projects"])["Items"]] == ["Orders"]
        assert api.refused("DELETE", group["Links"]["Self"])[0] == 409

    def test_a_name_may_stand_in_the_path_and_copes_with_404(self, api):
        named(api, "projects", Name="My orders")

        assert api.get("/api/projects/My%20orders")["Name"] == "My orders"
        assert api.refused("GET", "/api/projects/Nothing")[0] == 404

    def test_references_stay_in_the_space(self, api):
        other = api.post("/api/spaces", {"Name": "Other"})
        group = api.post(f"/api/{other['Id']}/projectgroups", {"Name": "Theirs"})

        assert api.refused("POST", "/api/projects", {"Name": "X", "ProjectGroupId": group["Id"]})[0] == 400


class TestProcesses:
    def test_ids_survive_and_versions_guard(self, api, world):
        path = world.project["Links"]["DeploymentProcess"]
        first = set_steps(api, path, script("One", WorkerPoolId=world.dev_pool["Id"]), script("Two"))
        ids = [step["Id"] for step in first["Steps"]]

        one, two = first["Steps"]
        one["Name"] = one["Actions"][0]["Name"] = "Two"
        two["Name"] = two["Actions"][0]["Name"] = "One"
        second = api.put(path, {**first, "Steps": [two, one, script("Three")]})

        assert [step["Id"] for step in second["Steps"]][:2] == [ids[1], ids[0]]
        assert [step["Name"] for step in second["Steps"]] == ["One", "Two", "Three"]
        assert second["Version"] == first["Version"] + 1
        assert second["Steps"][1]["Actions"][0]["WorkerPoolId"] == world.dev_pool["Id"]
        assert api.refused("PUT", path, first)[0] == 409
        assert api.get(f"/api/deploymentprocesses/deploymentprocess-{world.project['Id']}") == api.get(path)

    def test_a_pool_variable(self, world):
        action = world.process["Steps"][0]["Actions"][0]

        assert action["WorkerPoolVariable"] == POOL_VARIABLE
        assert action["WorkerPoolId"] is None
        assert world.process["RunbookId"] == world.runbook["Id"]

    @pytest.mark.parametrize(
        "change",
        [
            {"Name": ""},
            {"Name": "Same"},
            {"Condition": "Sideways"},
            {"Actions": []},
            {"Actions": [{}, {}]},
            {"Actions": [{"Name": "x", "ActionType": "Octopus.Script", "WorkerPoolId": "WorkerPools-99"}]},
            {
                "Actions": [
                    {"Name": "x", "ActionType": "Octopus.Script", "Properties": {"a": {"HasValue": True}}}
                ]
            },
            {"Actions": [{"Name": "x", "ActionType": "Octopus.Script", "Properties": []}]},
            {"Actions": script("x")["Actions"][:1], "Properties": {"Octopus.Action.TargetRoles": "x" * 101}},
            {"Properties": {"Octopus.Action.MaxParallelism": "many"}},
            {
                "Actions": [
                    {
                        "Name": "x",
                        "ActionType": "Octopus.Script",
                        "Properties": {"Octopus.Action.RunOnServer": "false"},
                    }
                ]
            },
        ],
    )
    def test_bad_steps_change_nothing(self, api, world, change):
        path = world.project["Links"]["DeploymentProcess"]
        before = api.get(path)

        steps = [script("Same"), {**script("Other"), **change}]
        assert api.refused("PUT", path, {**before, "Steps": steps})[0] == 400

        assert api.get(path) == before

    @pytest.mark.parametrize("on_server", ["true", "false"])
    def test_a_step_with_targets(self, api, world, on_server):
        step = script("Deploy")
        step["Properties"] = {"Octopus.Action.TargetRoles": "web,db", "Octopus.Action.MaxParallelism": "2"}
        step["Actions"][0]["Properties"]["Octopus.Action.RunOnServer"] = on_server
        path = world.project["Links"]["DeploymentProcess"]

        [saved] = set_steps(api, path, step)["Steps"]
        [again] = set_steps(api, path, saved)["Steps"]

        assert saved["Properties"] == step["Properties"]
        assert saved["Actions"][0]["Properties"]["Octopus.Action.RunOnServer"] == on_server
        assert again == saved

    def test_a_step_in_a_container(self, api, world):
        step = script("Inside")
        step["Actions"][0]["Container"] = {"Image": "debian:12", "FeedId": None}
        account = {"Octoworkers.Action.Container.AccountVariable": "Registry"}
        step["Actions"][0]["Properties"] |= account
        path = world.project["Links"]["DeploymentProcess"]

        [saved] = set_steps(api, path, step)["Steps"]
        [again] = set_steps(api, path, saved)["Steps"]

        assert again == saved
        action = saved["Actions"][0]
        assert action["Container"] == {
            "Image": "debian:12",
            "FeedId": None,
            "GitUrl": None,
            "Dockerfile": None,
        }
        assert action["Properties"].items() >= account.items()
        assert "Octoworkers.Action.Container.Image" not in action["Properties"]
        saved["Actions"][0]["Container"] = None
        [plain] = set_steps(api, path, saved)["Steps"]
        assert plain["Actions"][0]["Container"]["Image"] is None
        before = api.get(path)
        saved["Actions"][0]["Container"] = {"Image": "x", "FeedId": "Feeds-1"}
        assert api.refused("PUT", path, {**before, "Steps": [saved]})[0] == 400
        set_steps(api, path)

    def test_a_step_with_several_actions(self, api, world):
        check = script("Check")["Actions"][0]
        check |= {"Name": "Check", "Condition": "Variable", "IsRequired": True}
        check["Properties"] |= {
            "Octopus.Action.RunOnServer": "false",
            "Octopus.Action.ConditionVariableExpression": "#{Octopus.Deployment.Error}",
        }
        step = script("Roll out")
        step["Actions"][0]["Name"] = "Deploy"
        step["Actions"].append(check)
        step["Properties"] = {"Octopus.Action.TargetRoles": "web", "Octopus.Action.MaxParallelism": "2"}
        step["StartTrigger"] = "StartWithPrevious"
        path = world.project["Links"]["DeploymentProcess"]

        saved = set_steps(api, path, script("First"), step)["Steps"]
        again = set_steps(api, path, *saved)["Steps"]

        assert again == saved
        assert saved[1]["Properties"] == step["Properties"]
        assert [one["Name"] for one in saved[1]["Actions"]] == ["Deploy", "Check"]
        second = saved[1]["Actions"][1]
        assert (second["Condition"], second["IsRequired"]) == ("Variable", True)
        assert second["Properties"].items() >= check["Properties"].items()
        # The other way: one action is left, under its own id.
        [alone] = set_steps(api, path, {**saved[1], "Actions": saved[1]["Actions"][:1]})["Steps"]
        assert [one["Id"] for one in alone["Actions"]] == [saved[1]["Actions"][0]["Id"]]
        set_steps(api, path)

    def test_when_a_step_runs(self, api, world):
        regions = api.post("/api/tagsets", {"Name": "Region", "Tags": [{"Name": "EU"}]})
        second = {**script("Second"), "Condition": "Variable", "StartTrigger": "StartWithPrevious"}
        second["Properties"] = {"Octopus.Step.ConditionVariableExpression": "#{Octopus.Deployment.Error}"}
        second["Actions"][0] |= {
            "IsRequired": True,
            "Environments": [world.dev["Id"]],
            "TenantTags": ["region/eu"],
        }
        path = world.project["Links"]["DeploymentProcess"]

        saved = set_steps(api, path, script("First"), second)["Steps"][1]

        assert (saved["Condition"], saved["StartTrigger"]) == ("Variable", "StartWithPrevious")
        assert saved["Properties"] == second["Properties"]
        action = saved["Actions"][0]
        assert (action["IsRequired"], action["Environments"]) == (True, [world.dev["Id"]])
        assert action["TenantTags"] == ["Region/EU"]
        # What was read can be sent back and says the same.
        assert set_steps(api, path, script("First"), saved)["Steps"][1]["Actions"] == saved["Actions"]
        set_steps(api, path)
        api.delete(regions["Links"]["Self"])

    @pytest.mark.parametrize("where", [{"Environments": ["Environments-99"]}, {"TenantTags": ["No/Such"]}])
    def test_a_step_of_nowhere_changes_nothing(self, api, world, where):
        path = world.project["Links"]["DeploymentProcess"]
        before = api.get(path)
        step = script("Nowhere")
        step["Actions"][0] |= where

        assert api.refused("PUT", path, {**before, "Steps": [step]})[0] == 400

        assert api.get(path) == before

    def test_any_action_type_is_taken(self, api, world):
        step = script("Odd")
        step["Actions"][0]["ActionType"] = "Octopus.Scirpt"

        saved = set_steps(api, world.project["Links"]["DeploymentProcess"], step)

        assert saved["Steps"][0]["Actions"][0]["ActionType"] == "Octopus.Scirpt"

    def test_without_the_right(self, world, operator):
        api = api_of(operator)

        process = api.get(world.project["Links"]["DeploymentProcess"])
        assert api.refused("PUT", world.project["Links"]["DeploymentProcess"], process)[0] == 403


class TestVariables:
    def test_worker_pool_values_in_two_environments(self, api, world):
        found = api.get(world.project["Links"]["Variables"])

        assert [one["Value"] for one in found["Variables"]] == [world.dev_pool["Id"], world.live_pool["Id"]]
        assert found["Variables"][0]["Scope"] == {"Environment": [world.dev["Id"]]}
        names = {one["Name"] for one in found["ScopeValues"]["Environments"]}
        assert names == {"Development", "Production"}
        assert found["ScopeValues"]["Processes"][1]["ProcessType"] == "Runbook"
        assert api.get(f"/api/variables/all?ids={found['Id']},variableset-Projects-99") == [found]

    def test_sensitive_values_are_written_and_never_read(self, api, world):
        path = f"/api/projects/{world.project['Id']}/variables"
        found = api.get(path)
        secret = {"Name": "Password", "Value": "correct horse", "IsSensitive": True}

        saved = api.put(path, {**found, "Variables": [secret]})
        [one] = saved["Variables"]
        assert (one["Value"], one["Type"], one["IsSensitive"]) == (None, "Sensitive", True)
        again = api.put(path, {**saved, "Variables": [{**one, "Description": "Of the database"}]})

        assert again["Variables"][0]["Id"] == one["Id"]
        assert "correct horse" not in str(Event.objects.values_list("details", "message"))
        unknown = {**one, "Id": "", "Name": "Other"}
        assert api.refused("PUT", path, {**again, "Variables": [unknown]})[0] == 400

    def test_scopes_of_all_kinds(self, api, space, world):
        tag = TagFactory(tag_set__space=space, tag_set__name="Region", name="EU")
        tenant = named(api, "tenants", Name="Acme")
        path = world.project["Links"]["Variables"]
        found = api.get(path)
        scope = {
            "environment": [world.dev["Id"]],
            "TenantTag": [tag.canonical_name],
            "Tenant": [tenant["Id"]],
            "ProcessOwner": [world.project["Id"], world.runbook["Id"]],
            "Action": [world.process["Steps"][0]["Actions"][0]["Id"]],
        }

        saved = api.put(path, {**found, "Variables": [{"Name": "X", "Value": "1", "Scope": scope}]})

        [one] = saved["Variables"]
        assert one["Scope"] == {
            **{k: v for k, v in scope.items() if k != "environment"},
            "Environment": [world.dev["Id"]],
        }

    @pytest.mark.parametrize(
        ("variable", "words"),
        [
            ({"Name": ""}, "Enter a name"),
            ({"Name": "X", "Type": "AzureThing"}, "has no variables of this type"),
            ({"Name": "X", "Type": "WorkerPool", "Value": "WorkerPools-99"}, "Choose a worker pool"),
            ({"Name": "X", "Type": "WorkerPool", "Value": "junk"}, "Choose a worker pool"),
            (
                {"Name": "X", "Value": "1", "Scope": {"Environment": ["Environments-99"]}},
                "does not exist here",
            ),
            ({"Name": "X", "Value": "1", "Scope": {"Environment": ["junk"]}}, "does not exist here"),
            ({"Name": "X", "Value": "1", "Scope": {"Nothing": ["1"]}}, "no scope of the kind"),
            ({"Name": "X", "Value": "1", "Scope": {"Channel": ["Channels-99"]}}, "does not exist here"),
            ({"Name": "X", "Value": "ab", "IsSensitive": True}, "at least 4 characters"),
        ],
    )
    def test_bad_values_change_nothing(self, api, world, variable, words):
        path = world.project["Links"]["Variables"]
        before = api.get(path)

        status, text = api.refused("PUT", path, {**before, "Variables": [variable]})

        assert status == 400
        assert words in text
        assert api.get(path) == before

    def test_ties_and_stale_versions(self, api, world):
        path = world.project["Links"]["Variables"]
        found = api.get(path)

        twice = [{"Name": "X", "Value": "1"}, {"Name": "x", "Value": "2"}]
        status, text = api.refused("PUT", path, {**found, "Variables": twice})
        assert (status, "equally specific" in text) == (400, True)
        api.put(path, found)
        assert api.refused("PUT", path, found)[0] == 409


class TestTenants:
    def test_tags_and_projects(self, api, world):
        tag_set = named(
            api, "tagsets", Name="Region", Tags=[{"Name": "EU", "Color": "#112233"}, {"Name": "US"}]
        )
        assert [tag["CanonicalTagName"] for tag in tag_set["Tags"]] == ["Region/EU", "Region/US"]
        api.put(world.project["Links"]["Self"], {"TenantedDeploymentMode": "TenantedOrUntenanted"})
        links = {world.project["Id"]: [world.dev["Id"]]}

        made = named(api, "tenants", Name="Acme", TenantTags=["region/eu"], ProjectEnvironments=links)

        assert made["TenantTags"] == ["Region/EU"]
        assert made["ProjectEnvironments"] == links
        assert api.get("/api/tenants?tags=Region/EU")["TotalResults"] == 1
        assert api.get("/api/tenants?tags=Region/US")["TotalResults"] == 0
        assert api.get(f"/api/tenants?projectId={world.project['Id']}")["TotalResults"] == 1
        test = api.get(f"/api/tenants/tag-test?tenantIds={made['Id']}&tags=Region/EU")
        assert test[made["Id"]]["IsMatched"] is True
        assert api.refused("POST", "/api/tenants", {"Name": "X", "TenantTags": ["No/Such"]})[0] == 400
        bad = {"Name": "X", "ProjectEnvironments": {"Projects-99": []}}
        assert api.refused("POST", "/api/tenants", bad)[0] == 400
        assert api.put(made["Links"]["Self"], {"ProjectEnvironments": {}})["ProjectEnvironments"] == {}

    def test_tags_keep_their_ids_and_stay_while_used(self, api):
        made = named(api, "tagsets", Name="Region", Tags=[{"Name": "EU"}, {"Name": "US"}])
        eu, us = made["Tags"]
        named(api, "tenants", Name="Acme", TenantTags=["Region/EU"])

        changed = api.put(made["Links"]["Self"], {"Tags": [us, {**eu, "Name": "Europe"}]})

        assert [tag["Id"] for tag in changed["Tags"]] == [us["Id"], eu["Id"]]
        assert api.get("/api/tenants")["Items"][0]["TenantTags"] == ["Region/Europe"]
        assert api.refused("PUT", made["Links"]["Self"], {"Tags": [us]})[0] == 409
        assert api.refused("PUT", made["Links"]["Self"], {"Tags": [us, us]})[0] == 400
