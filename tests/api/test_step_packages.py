"""Packages of steps through the API: in processes, and the versions of releases and snapshots."""

from __future__ import annotations

import pytest

from tests.api.flows import POOL_VARIABLE, script, set_steps
from tests.factories import push_package


@pytest.fixture(autouse=True)
def _packages(settings, tmp_path, space):
    settings.MEDIA_ROOT = str(tmp_path)
    for version in ("1.0.0", "2.0.0"):
        push_package(f"Acme.Tools.{version}.zip", space=space)
        push_package(f"Acme.Web.{version}.zip", space=space)


def reference(name: str, package_id: str, **more: object) -> dict[str, object]:
    return {
        "Id": "",
        "Name": name,
        "PackageId": package_id,
        "FeedId": "feeds-builtin",
        "AcquisitionLocation": "Server",
        "Properties": {"Extract": "True"},
        **more,
    }


def step(*packages: dict[str, object], **properties: str):
    made = script("Copy", WorkerPoolVariable=POOL_VARIABLE, Packages=list(packages))
    made["Actions"][0]["Properties"] |= properties
    return made


@pytest.fixture
def process(world) -> str:
    return f"/api/projects/{world.project['Id']}/deploymentprocesses"


@pytest.fixture
def released(api, world, process):
    """A deployment process with two packages."""
    set_steps(api, process, step(reference("", "Acme.Web"), reference("tools", "Acme.Tools")))
    return {"ProjectId": world.project["Id"], "Version": "1.0.0"}


def action_of(process):
    return process["Steps"][0]["Actions"][0]


def test_packages_go_in_and_come_out_as_they_are_known(api, process) -> None:
    copied = reference("tools", "Acme.Tools", Properties={"Extract": "False"})

    saved = action_of(set_steps(api, process, step(reference("", "Acme.Web"), copied)))

    assert [(one["Name"], one["PackageId"]) for one in saved["Packages"]] == [
        ("", "Acme.Web"),
        ("tools", "Acme.Tools"),
    ]
    assert saved["Packages"][1]["Properties"]["Extract"] == "False"
    assert saved["Properties"]["Octopus.Action.Package.PackageId"] == "Acme.Web"
    assert not [name for name in saved["Properties"] if name.startswith("Octoworkers.")]


def test_what_was_read_is_saved_again_without_loss(api, process) -> None:
    set_steps(api, process, step(reference("", "Acme.Web"), reference("tools", "Acme.Tools")))
    before = api.get(process)

    after = api.put(process, before)

    assert action_of(after)["Packages"] == action_of(before)["Packages"]
    assert action_of(after)["Properties"] == action_of(before)["Properties"]


def test_the_steps_own_package_may_stand_in_its_settings_alone(api, process) -> None:
    saved = action_of(set_steps(api, process, step(**{"Octopus.Action.Package.PackageId": "Acme.Web"})))

    assert [(one["Name"], one["PackageId"]) for one in saved["Packages"]] == [("", "Acme.Web")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"FeedId": "nuget.org"}, "only the built-in feed"),
        ({"AcquisitionLocation": "NotAcquired"}, "Workers fetch each package"),
        ({"PackageId": "#{Which}"}, "A package ID has letters"),
        ({"PackageId": ""}, "PackageId"),
        ({"Name": "../x"}, "The name of a package"),
    ],
)
def test_a_package_that_no_step_can_have_is_refused(api, process, change, words) -> None:
    current = api.get(process)
    body = {**current, "Steps": [step(reference("tools", "Acme.Tools", **change))]}

    status, text = api.refused("PUT", process, body)

    assert (status, words in text) == (400, True), text


def test_a_release_takes_the_versions_that_are_sent_and_else_the_newest(api, released) -> None:
    chosen = [{"ActionName": "copy", "PackageReferenceName": "tools", "Version": "1.0.0"}]

    release = api.post("/api/releases", {**released, "SelectedPackages": chosen})

    versions = {one["PackageReferenceName"]: one["Version"] for one in release["SelectedPackages"]}
    assert versions == {"": "2.0.0", "tools": "1.0.0"}
    assert api.get(release["Links"]["Self"])["SelectedPackages"] == release["SelectedPackages"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"ActionName": "Copy", "PackageReferenceName": "tools", "Version": "9.9"}, "no Acme.Tools 9.9"),
        ({"ActionName": "Copy", "PackageReferenceName": "x", "Version": "1.0.0"}, "Copy has no package x."),
        ({"ActionName": "Copy"}, "Version"),
    ],
)
def test_versions_that_are_not_there_are_refused(api, released, chosen, words) -> None:
    status, text = api.refused("POST", "/api/releases", {**released, "SelectedPackages": [chosen]})

    assert (status, words in text) == (400, True), text


@pytest.mark.parametrize(
    ("packages", "default", "expected"),
    [
        (["Copy:tools:1.0.0"], "", {"": "2.0.0", "tools": "1.0.0"}),
        (["*:1.0.0"], "", {"": "1.0.0", "tools": "1.0.0"}),
        (["Copy:tools:2.0.0"], "1.0.0", {"": "1.0.0", "tools": "2.0.0"}),
        ([], "", {"": "2.0.0", "tools": "2.0.0"}),
    ],
)
def test_pipelines_send_versions_as_words(api, released, packages, default, expected) -> None:
    body = {
        "ProjectName": "Orders",
        "ReleaseVersion": "3.0.0",
        "Packages": packages,
        "PackageVersion": default,
    }

    made = api.post("/api/releases/create/v1", {**body, "PackageVersion": default})

    release = api.get(f"/api/releases/{made['ReleaseId']}")
    assert {one["PackageReferenceName"]: one["Version"] for one in release["SelectedPackages"]} == expected


def test_a_snapshot_takes_versions_too_and_its_template_asks_for_them(api, world) -> None:
    path = f"/api/projects/{world.project['Id']}/runbookProcesses/{world.runbook['RunbookProcessId']}"
    set_steps(api, path, step(reference("tools", "Acme.Tools")))
    body = {
        "RunbookId": world.runbook["Id"],
        "Name": "With packages",
        "SelectedPackages": [{"ActionName": "Copy", "PackageReferenceName": "tools", "Version": "1.0.0"}],
    }

    runbook = api.get(world.runbook["Links"]["Self"])
    [asked] = api.get(runbook["Links"]["RunbookSnapshotTemplate"])["Packages"]
    snapshot = api.post("/api/runbookSnapshots", body)

    assert (asked["ActionName"], asked["PackageReferenceName"]) == ("Copy", "tools")
    assert (asked["PackageId"], asked["FeedId"]) == ("Acme.Tools", "feeds-builtin")
    assert [one["Version"] for one in snapshot["SelectedPackages"]] == ["1.0.0"]
