"""Configuration as files, over the real API: out, in, the same again; what is wrong is said with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from octo.failures import Code
from tests.api.client import Api
from tests.api.flows import World, script
from tests.octo.conftest import Run

BODY = "#!/bin/sh\nset -e\n\techo \"#{Greeting}\" # a tab, quotes: 'x'\n\necho 'ünï' \\\n  done  \n"


@pytest.fixture
def rich(world: World) -> World:
    """With something of everything that files hold."""
    api, project = world.api, world.project["Id"]
    api.post("/api/projectgroups", {"Name": "Databases", "Description": "Ours: all of them"})
    phases = [
        {"Name": "First", "OptionalDeploymentTargets": [world.dev["Id"]], "IsOptionalPhase": True},
        {
            "Name": "Last",
            "OptionalDeploymentTargets": [world.live["Id"]],
            "MinimumEnvironmentsBeforePromotion": 1,
        },
    ]
    api.post("/api/lifecycles", {"Name": "Careful", "Phases": phases})
    api.put(
        f"/api/projects/{project}",
        {"ProjectGroupId": "Databases", "LifecycleId": "Careful", "TenantedDeploymentMode": "Tenanted"},
    )
    steps = [
        {**script("Check", BODY, WorkerPoolId=world.dev_pool["Id"]), "Condition": "Always"},
        {
            "Name": "Approve",
            "Actions": [
                {
                    "Name": "Approve",
                    "ActionType": "Octopus.Manual",
                    "Properties": {"Octopus.Action.Manual.Instructions": "yes"},
                    "Environments": [world.live["Id"]],
                }
            ],
        },
    ]
    api.post("/api/tagsets", {"Name": "Ring", "Tags": [{"Name": "Early"}]})
    rule = {"VersionRange": "[1.0,2.0)", "ActionPackages": [{"DeploymentAction": "Check"}]}
    hotfix = {"Name": "Hotfix", "LifecycleId": "Careful", "TenantTags": ["Ring/Early"], "Rules": [rule]}
    api.post(f"/api/projects/{project}/channels", hotfix)
    api.post(f"/api/projects/{project}/channels", {"Name": "Stable", "IsDefault": True})
    steps[0]["Actions"][0]["Channels"] = ["Hotfix"]
    path = f"/api/projects/{project}/deploymentprocesses"
    process = api.put(path, {**api.get(path), "Steps": steps})
    _variables(api, world, process)
    return world


def _variables(api: Api, world: World, process: dict[str, Any]) -> None:
    path = world.project["Links"]["Variables"]
    found = api.get(path)
    action = process["Steps"][0]["Actions"][0]["Id"]
    copy = world.process["Steps"][0]["Actions"][0]["Id"]
    more = [
        {"Name": "Greeting", "Value": "yes\n"},
        {"Name": "Greeting", "Value": "no", "Scope": {"Environment": [world.live["Id"], world.dev["Id"]]}},
        {"Name": "Greeting", "Value": "1.0", "Scope": {"Action": [action]}},
        {"Name": "Greeting", "Value": "", "Scope": {"Action": [copy], "Environment": [world.dev["Id"]]}},
        {"Name": "Greeting", "Value": "ch", "Scope": {"Channel": [world.channel_id("Hotfix")]}},
        {"Name": "Greeting", "Value": "null", "Scope": {"ProcessOwner": [world.runbook["Id"]]}},
        {"Name": "Password", "Value": "correct horse", "Type": "Sensitive", "Description": "Of the server"},
    ]
    api.put(path, {**found, "Variables": found["Variables"] + more})


def files_of(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yaml")}


def with_secret(folder: Path) -> None:
    """Says where the secret of the folder is."""
    path = folder / "projects/orders/variables.yaml"
    path.write_text(
        path.read_text().replace("Type: Sensitive", "Type: Sensitive\n    ValueFrom: DB_PASSWORD")
    )


def test_an_export_is_applied_to_another_space_and_is_the_same_again(
    octo: Run, rich: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich.api.post("/api/spaces", {"Name": "Elsewhere"})
    rich.api.post("/api/spaces/Elsewhere/tagsets", {"Name": "Ring", "Tags": [{"Name": "Early"}]})
    first, second = tmp_path / "first", tmp_path / "second"
    assert octo("export", str(first))[0] == 0
    exported = files_of(first)
    with_secret(first)
    monkeypatch.setenv("DB_PASSWORD", "battery staple")

    code, said = octo("apply", str(first), "--yes", "--delete", "--space", "Elsewhere")

    assert code == 0, said
    octo("export", str(second), "--space", "Elsewhere")
    assert files_of(second) == exported
    code, said = octo("apply", str(first), "--yes", "--delete", "--space", "Elsewhere")
    assert (code, said.strip()) == (0, "Nothing to change.")
    assert octo("drift", str(first), "-s", "Elsewhere")[0] == 0


def test_files_are_made_for_people(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))

    files = files_of(tmp_path)
    assert set(files) == {
        "environments.yaml",
        "pools.yaml",
        "lifecycles.yaml",
        "groups.yaml",
        "projects/orders/channels.yaml",
        "projects/orders/project.yaml",
        "projects/orders/process.yaml",
        "projects/orders/variables.yaml",
        "projects/orders/runbooks/back-up.yaml",
    }
    assert files["environments.yaml"] == "- Name: Development\n- Name: Production\n"
    assert "ProjectGroupId: Databases" in files["projects/orders/project.yaml"]
    assert "ScriptBody: |" not in files["projects/orders/runbooks/back-up.yaml"]  # it has one line
    assert "correct horse" not in str(files)
    assert not any(word in str(files) for word in ("Environments-", "WorkerPools-", "Actions-", "Links"))


def test_scripts_and_texts_keep_every_character(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))

    steps = yaml.safe_load((tmp_path / "projects/orders/process.yaml").read_text())["Steps"]
    assert steps[0]["Actions"][0]["Properties"]["Octopus.Action.Script.ScriptBody"] == BODY
    assert steps[1]["Actions"][0]["Properties"]["Octopus.Action.Manual.Instructions"] == "yes"


def test_exporting_again_writes_nothing_and_removes_what_is_gone(
    octo: Run, rich: World, tmp_path: Path
) -> None:
    extra = rich.api.post(f"/api/projects/{rich.project['Id']}/runbooks", {"Name": "Extra"})
    octo("export", str(tmp_path))
    (tmp_path / "README.md").write_text("Ours")
    assert "up to date" in octo("export", str(tmp_path))[1]
    assert "projects/orders/runbooks/extra.yaml" in files_of(tmp_path)

    rich.api.delete(f"/api/runbooks/{extra['Id']}")
    octo("export", str(tmp_path))

    assert "projects/orders/runbooks/extra.yaml" not in files_of(tmp_path)
    assert (tmp_path / "README.md").exists()


def test_one_project_alone(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path), "--project", "orders")

    assert all(name.startswith("projects/orders/") for name in files_of(tmp_path))
    assert octo("apply", str(tmp_path), "--yes", "--delete")[1].strip() == "Nothing to change."
    assert octo("export", str(tmp_path), "-p", "Nonsense")[0] == Code.REFUSED


def test_a_plan_shows_the_difference_and_changes_nothing(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    change(tmp_path, "pools.yaml", "- Name: SQL - Dev\n", "- Name: SQL - Dev\n  Description: Fast\n")

    code, said = octo("plan", str(tmp_path))

    assert code == 0
    assert "~ change pool SQL - Dev" in said
    assert "+Description: Fast" in said
    assert rich.api.get(rich.dev_pool["Links"]["Self"])["Description"] == ""


def test_steps_and_values_keep_their_ids(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    before = rich.api.get(rich.project["Links"]["Variables"])
    change(tmp_path, "projects/orders/variables.yaml", "Value: '1.0'", "Value: '2.0'")
    change(tmp_path, "projects/orders/process.yaml", "Condition: Always", "Condition: Failure")
    process = rich.api.get(f"/api/projects/{rich.project['Id']}/deploymentprocesses")

    code, said = octo("apply", str(tmp_path), "--yes")

    assert code == 0, said
    after = rich.api.get(rich.project["Links"]["Variables"])
    assert {one["Id"] for one in after["Variables"]} == {one["Id"] for one in before["Variables"]}
    saved = rich.api.get(f"/api/projects/{rich.project['Id']}/deploymentprocesses")
    assert [one["Id"] for one in saved["Steps"]] == [one["Id"] for one in process["Steps"]]
    assert saved["Steps"][0]["Condition"] == "Failure"


def test_what_is_left_out_goes_back_to_its_default(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    change(tmp_path, "projects/orders/project.yaml", "TenantedDeploymentMode: Tenanted\n", "")

    assert octo("apply", str(tmp_path), "--yes")[0] == 0

    assert rich.api.get(rich.project["Links"]["Self"])["TenantedDeploymentMode"] == "Untenanted"


def test_the_order_is_kept(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    (tmp_path / "environments.yaml").write_text("- Name: Test\n- Name: Production\n- Name: Development\n")

    code, said = octo("apply", str(tmp_path), "--yes")

    assert code == 0, said
    names = [row["Name"] for row in rich.api.get("/api/environments/all")]
    assert names == ["Test", "Production", "Development"]


def test_drift_is_what_the_server_has_otherwise(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    rich.api.put(rich.dev_pool["Links"]["Self"], {"Description": "By hand"})
    rich.api.post("/api/environments", {"Name": "Sandbox"})

    code, said = octo("drift", str(tmp_path))

    assert code == Code.DRIFT
    assert "+Description: By hand" in said
    assert "environment Sandbox: only on the server" in said
    code, said = octo("drift", str(tmp_path), "--output", "yaml")
    assert [row["Name"] for row in yaml.safe_load(said)] == ["SQL - Dev", "Sandbox"]


def test_nothing_is_deleted_unless_asked(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    rich.api.post("/api/environments", {"Name": "Sandbox"})
    rich.api.post(f"/api/projects/{rich.project['Id']}/runbooks", {"Name": "Extra"})

    code, said = octo("apply", str(tmp_path), "--yes")
    assert "Not in the folder, and kept" in said
    assert len(rich.api.get("/api/environments/all")) == 3

    code, said = octo("apply", str(tmp_path), "--yes", "--delete")
    assert code == 0, said
    assert len(rich.api.get("/api/environments/all")) == 2
    assert [row["Name"] for row in rich.api.get("/api/runbooks/all")] == ["Back up"]


def test_a_changed_runbook_is_published(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    change(tmp_path, "projects/orders/runbooks/back-up.yaml", "echo hello", "echo changed")

    code, said = octo("apply", str(tmp_path), "--yes", "--publish")

    assert code == 0, said
    published = rich.api.get(f"/api/runbooks/{rich.runbook['Id']}")["PublishedRunbookSnapshotId"]
    assert published != rich.snapshot["Id"]


def test_secrets_are_set_where_they_are_new_or_when_asked(
    octo: Run, rich: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    octo("export", str(tmp_path))
    with_secret(tmp_path)
    assert octo("apply", str(tmp_path), "--yes")[1].strip() == "Nothing to change."  # the server has it

    code, said = octo("apply", str(tmp_path), "--yes", "--secrets")
    assert code == Code.REFUSED
    assert "the environment has no DB_PASSWORD" in said

    monkeypatch.setenv("DB_PASSWORD", "battery staple")
    code, said = octo("apply", str(tmp_path), "--yes", "--secrets")
    assert code == 0, said
    assert "battery staple" not in said


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text, (file, text)
    path.write_text(text.replace(old, new, 1))


BAD = [
    ("environments.yaml", "- Name: Development\n", "- Nmae: Development\n", ":1: This environment has"),
    ("environments.yaml", "- Name: Production\n", "- Name: production\n- Name: Production\n", ":3: The env"),
    ("environments.yaml", "- Name: Production\n", "- Name: [x\n", ":3: "),
    (
        "pools.yaml",
        "- Name: SQL - Dev\n",
        "- Name: SQL - Dev\n  IsDefault: 'no'\n",
        "IsDefault has to be true or",
    ),
    ("pools.yaml", "- Name: SQL - Dev\n", "- Name: SQL - Dev\n  Colour: red\n", "no member Colour"),
    ("lifecycles.yaml", "- Development", "- Developmnt", "no environment 'Developmnt'"),
    ("lifecycles.yaml", "IsOptionalPhase: true", "IsOptionalPhase: maybe", "IsOptionalPhase has to be"),
    ("projects/orders/project.yaml", "LifecycleId: Careful", "LifecycleId: Careless", ":3: There is no lif"),
    ("projects/orders/project.yaml", "Tenanted\n", "Tenant\n", "Did you mean Tenanted?"),
    ("projects/orders/process.yaml", "Condition: Always", "Conditon: Always", "Did you mean Condition?"),
    ("projects/orders/process.yaml", "WorkerPoolId: SQL - Dev", "WorkerPoolId: Gone", "no pool 'Gone'"),
    ("projects/orders/process.yaml", "- Name: Approve", "- Name: Check", "Two steps have the name Check"),
    ("projects/orders/process.yaml", "'yes'", "yes", "Instructions has to be a text"),
    ("projects/orders/variables.yaml", "Type: Sensitive", "Type: Sensitive\n    Value: x", "not belong into"),
    ("projects/orders/variables.yaml", "Type: Sensitive", "Type: Text", "Type"),
    ("projects/orders/variables.yaml", "Back up/Copy", "Back up/Paste", "no Action 'Back up/Paste'"),
    ("projects/orders/variables.yaml", "ProcessOwner:", "Process:", "no scope of the kind Process"),
    ("projects/orders/variables.yaml", "Value: SQL - Dev", "Value: SQL", "There is no pool 'SQL'"),
    (
        "projects/orders/runbooks/back-up.yaml",
        "Name: Back up",
        "Name: Back up\nName: x",
        ":2: Name stands here",
    ),
]


def test_bad_input_is_named_with_its_line_and_changes_nothing(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    change(tmp_path, "groups.yaml", "Ours", "Theirs")  # would be changed, were the rest right
    before = rich.api.get("/api/events?take=1")["TotalResults"]

    for file, old, new, words in BAD:
        right = (tmp_path / file).read_text()
        change(tmp_path, file, old, new)
        code, said = octo("apply", str(tmp_path), "--yes")
        (tmp_path / file).write_text(right)

        assert code == Code.REFUSED, (file, new, said)
        assert f"{file}:" in said, (file, new, said)
        assert words in said, (file, new, said)
    assert rich.api.get("/api/events?take=1")["TotalResults"] == before


def test_other_nonsense(octo: Run, rich: World, tmp_path: Path) -> None:
    assert octo("plan", str(tmp_path / "nowhere"))[0] == Code.USAGE
    assert octo("plan", str(tmp_path))[0] == Code.USAGE
    (tmp_path / "enviroments.yaml").write_text("- Name: X\n")
    assert "enviroments.yaml:1: octo knows no file" in octo("plan", str(tmp_path))[1]
    (tmp_path / "projects/orders").mkdir(parents=True)
    (tmp_path / "projects/orders/process.yaml").write_text("Steps: &a [*a]\n")
    said = octo("plan", str(tmp_path))[1]
    assert "project.yaml:1: This file is missing" in said
    (tmp_path / "projects/orders/project.yaml").write_text("Name: Orders\n")
    assert "nested too deeply" in octo("plan", str(tmp_path))[1]


def test_nobody_to_ask_means_no_change(octo: Run, rich: World, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    change(tmp_path, "groups.yaml", "Ours", "Theirs")

    assert octo("apply", str(tmp_path))[0] == Code.USAGE

    assert octo("drift", str(tmp_path))[0] == Code.DRIFT


def test_an_edit_between_plan_and_apply_is_not_overwritten(
    octo: Run, rich: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    octo("export", str(tmp_path))
    change(tmp_path, "projects/orders/process.yaml", "Condition: Always", "Condition: Failure")
    path = f"/api/projects/{rich.project['Id']}/deploymentprocesses"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def edit(_: str) -> bool:
        process = rich.api.get(path)
        process["Steps"][1]["Name"] = "Approved by hand"
        rich.api.put(path, process)
        return True

    monkeypatch.setattr("octo.commands.folder._ask", edit)
    code, said = octo("apply", str(tmp_path))

    assert code == Code.REFUSED
    assert "Plan again" in said
    assert rich.api.get(path)["Steps"][1]["Name"] == "Approved by hand"
