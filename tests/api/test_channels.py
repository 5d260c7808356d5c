"""Channels as clients read and write them, and releases that are made in one."""

from __future__ import annotations

import pytest

from pools.models import WorkerPool
from tests.api.flows import a_project, named, script, set_steps
from tests.factories import MachineFactory, push_package


@pytest.fixture
def project(api):
    made = a_project(api)
    step = script("Deploy web")
    step["Actions"][0]["Packages"] = [{"Name": "", "PackageId": "Acme.Web", "FeedId": "feeds-builtin"}]
    set_steps(api, made["Links"]["DeploymentProcess"], step)
    return made


def _channel(api, project, **body):
    return api.post("/api/channels", {"Name": "Hotfix", "ProjectId": project["Id"], **body})


def test_a_project_has_its_default_channel(api, project):
    [default] = api.get(project["Links"]["Channels"])["Items"]

    assert default["IsDefault"] is True
    assert default["Name"] == "Default"
    assert default["ProjectId"] == project["Id"]
    assert api.get(default["Links"]["Self"]) == default
    assert default in api.get("/api/channels/all")


def test_a_channel_keeps_all_that_it_is_told(api, project):
    lifecycle = named(api, "lifecycles", Name="Fast")
    tags = named(api, "tagsets", Name="Ring", Tags=[{"Name": "Early"}])
    rule = {
        "Id": "",
        "VersionRange": "[1.0,2.0)",
        "Tag": "^$",
        "ActionPackages": [{"DeploymentAction": "Deploy web", "PackageReference": ""}],
    }

    made = _channel(
        api,
        project,
        Description="For the night",
        LifecycleId=lifecycle["Id"],
        TenantTags=[tags["Tags"][0]["CanonicalTagName"]],
        Rules=[rule],
    )
    again = api.put(made["Links"]["Self"], made)

    assert made["LifecycleId"] == lifecycle["Id"]
    assert made["TenantTags"] == ["Ring/Early"]
    assert made["Slug"] == "hotfix"
    assert made["Rules"] == [
        {
            "Id": "Rules-1",
            "VersionRange": "[1.0,2.0)",
            "Tag": "^$",
            "ActionPackages": [{"DeploymentAction": "Deploy web", "PackageReference": ""}],
        }
    ]
    assert {**again, "LastModifiedOn": ""} == {**made, "LastModifiedOn": ""}
    assert api.refused("DELETE", lifecycle["Links"]["Self"])[0] == 409
    api.delete(made["Links"]["Self"])
    assert api.refused("GET", made["Links"]["Self"])[0] == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"Name": "default"}, "has a channel of this name"),
        ({"Name": ""}, "Name"),
        ({"ProjectId": "Projects-99"}, "ProjectId"),
        ({"Rules": [{"VersionRange": "often"}]}, "no range of versions"),
        ({"Rules": [{"Tag": "(a+)+"}]}, "cannot repeat groups"),
        ({"Rules": [{"ActionPackages": [{}]}]}, "DeploymentAction"),
        ({"TenantTags": ["No/Such"]}, "no tag"),
        ({"LifecycleId": "Lifecycles-99"}, "LifecycleId"),
    ],
)
def test_what_makes_no_sense_is_refused(api, project, body, words):
    status, text = api.refused("POST", "/api/channels", {"Name": "X", "ProjectId": project["Id"], **body})

    assert status == 400
    assert words in text


def test_below_a_project_no_project_needs_to_be_named(api, project):
    made = api.post(f"/api/projects/{project['Id']}/channels", {"Name": "Beta"})

    assert api.get(f"/api/projects/{project['Id']}/channels/beta")["Id"] == made["Id"]
    other = a_project(api, "Other")
    assert api.refused("GET", f"/api/projects/{other['Id']}/channels/{made['Id']}")[0] == 404


def test_releases_are_made_in_a_channel_by_name_and_by_id(api, project, space):
    push_package("Acme.Web.1.0.0.zip", space=space)
    push_package("Acme.Web.2.0.0.zip", space=space)
    packages = [{"DeploymentAction": "Deploy web"}]
    hotfix = _channel(api, project, Rules=[{"VersionRange": "[1.0,2.0)", "ActionPackages": packages}])
    body = {"ProjectName": "Orders", "ChannelName": "HOTFIX"}

    first = api.post("/api/releases/create/v1", body)
    second = api.post(
        "/api/releases", {"ProjectId": project["Id"], "ChannelId": hotfix["Id"], "Version": "9.0"}
    )
    plain = api.post("/api/releases/create/v1", {"ProjectName": "Orders"})

    assert api.get(f"/api/releases/{first['ReleaseId']}")["ChannelId"] == hotfix["Id"]
    assert second["SelectedPackages"][0]["Version"] == "1.0.0"
    assert {one["Version"] for one in api.get(hotfix["Links"]["Releases"])["Items"]} == {"0.0.1", "9.0"}
    assert api.get(f"/api/releases/{plain['ReleaseId']}")["SelectedPackages"][0]["Version"] == "2.0.0"
    status, text = api.refused("POST", "/api/releases/create/v1", {**body, "PackageVersion": "2.0.0"})
    assert (status, "is not let in" in text) == (400, True)
    ignoring = {**body, "PackageVersion": "2.0.0", "IgnoreChannelRules": True}
    ignored = api.post("/api/releases/create/v1", ignoring)
    assert api.get(f"/api/releases/{ignored['ReleaseId']}")["IgnoreChannelRules"] is True
    assert "no channel" in api.refused("POST", "/api/releases/create/v1", {**body, "ChannelName": "X"})[1]
    status, text = api.refused("DELETE", hotfix["Links"]["Self"])
    assert (status, "Release: 9.0" in text) == (409, True)


def test_a_channel_of_another_project_is_no_channel(api, project):
    other = _channel(api, a_project(api, "Other"))
    body = {"ProjectId": project["Id"], "ChannelId": other["Id"], "Version": "1.0"}

    assert api.refused("POST", "/api/releases", body)[0] == 400


def test_deployments_are_found_by_channel(api, project, space):
    push_package("Acme.Web.1.0.0.zip", space=space)
    named(api, "environments", Name="Test")
    MachineFactory(space=space, pools=[WorkerPool.objects.get(is_default=True).pk])
    hotfix = _channel(api, project)
    api.post("/api/releases/create/v1", {"ProjectName": "Orders", "ChannelName": "Hotfix"})
    start = {"ProjectName": "Orders", "ReleaseVersion": "0.0.1", "EnvironmentNames": ["Test"]}
    [started] = api.post("/api/deployments/create/untenanted/v1", start)["DeploymentServerTasks"]

    found = api.get(f"/api/deployments?channels={hotfix['Id']}")["Items"]
    default = api.get(f"/api/projects/{project['Id']}/channels/default")["Id"]

    assert [(one["Id"], one["ChannelId"]) for one in found] == [(started["DeploymentId"], hotfix["Id"])]
    assert api.get(f"/api/deployments?channels={default}")["Items"] == []


def test_values_are_scoped_to_channels(api, project):
    hotfix = _channel(api, project)
    found = api.get(project["Links"]["Variables"])

    assert {one["Name"] for one in found["ScopeValues"]["Channels"]} == {"Default", "Hotfix"}
    value = {"Name": "Ring", "Value": "1", "Scope": {"Channel": [hotfix["Id"]]}}
    saved = api.put(project["Links"]["Variables"], {**found, "Variables": [value]})
    assert saved["Variables"][0]["Scope"] == {"Channel": [hotfix["Id"]]}


def test_a_viewer_changes_no_channel(api, api_viewer, project):
    made = _channel(api, project)

    assert api_viewer.get(made["Links"]["Self"])["Name"] == "Hotfix"
    assert api_viewer.refused("PUT", made["Links"]["Self"], made)[0] == 403
    assert api_viewer.refused("DELETE", made["Links"]["Self"])[0] == 403


def test_steps_are_narrowed_to_channels_by_id_or_name(api, project):
    hotfix = _channel(api, project)
    path = project["Links"]["DeploymentProcess"]
    process = api.get(path)

    process["Steps"][0]["Actions"][0]["Channels"] = ["hotfix"]
    saved = api.put(path, process)

    assert saved["Steps"][0]["Actions"][0]["Channels"] == [hotfix["Id"]]
    again = api.put(path, saved)
    assert again["Steps"] == saved["Steps"]
    again["Steps"][0]["Actions"][0]["Channels"] = ["Channels-99"]
    assert "no channel Channels-99" in api.refused("PUT", path, again)[1]
    status, text = api.refused("DELETE", hotfix["Links"]["Self"])
    assert (status, "Step: Deploy web" in text) == (409, True)


def test_a_runbook_has_no_channels(api, world):
    path = f"/api/projects/{world.project['Id']}/runbookProcesses/{world.runbook['RunbookProcessId']}"
    process = api.get(path)
    process["Steps"][0]["Actions"][0]["Channels"] = ["Default"]

    assert api.refused("PUT", path, process)[0] == 400
