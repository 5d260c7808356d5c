"""Applying a folder is all or nothing, and nobody gets further by it than otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.models import Role
from domain.plans import RunPlan
from environments.models import Environment
from tasks.models import ServerTask
from tests.api.client import Api, api_of
from tests.api.flows import World
from tests.factories import MachineFactory, UserFactory
from tests.octo.conftest import Run
from variables.models import Variable

PATH = "/api/configuration/apply"
ENVIRONMENTS = "- Name: Development\n  Description: Changed\n- Name: Production\n- Name: Staging\n"


@pytest.fixture
def api_viewer(space: object) -> Api:
    return api_of(UserFactory(username="vera"))


@pytest.fixture
def editor(space: object) -> Api:
    """May edit environments, and no pools."""
    return api_of(UserFactory(username="edith", role=Role.EDITOR))


def test_what_is_refused_in_the_middle_leaves_nothing_behind(editor: Api, world: World) -> None:
    files = {"environments.yaml": ENVIRONMENTS, "pools.yaml": "- Name: SQL - Dev\n  Description: Mine\n"}

    status, words = editor.refused("POST", PATH, {"Files": files})

    assert status == 403
    assert "pools.yaml:1: The server refused to change the pool SQL - Dev" in words
    assert "Nothing was changed." in words
    assert not Environment.objects.filter(name="Staging").exists()
    assert Environment.objects.get(name="Development").description == ""


def test_it_is_made_as_the_one_who_asks(editor: Api, world: World) -> None:
    made = editor.post(PATH, {"Files": {"environments.yaml": ENVIRONMENTS}})

    verbs = [(one["Verb"], one["Name"]) for one in made["Changes"]]
    assert ("create", "Staging") in verbs
    assert Environment.objects.get(name="Staging")
    events = world.api.get("/api/events?eventCategories=Created&take=1")["Items"]
    assert [one["Username"] for one in events] == ["edith"]


def test_a_viewer_changes_nothing(api_viewer: Api, world: World) -> None:
    status, _ = api_viewer.refused("POST", PATH, {"Files": {"environments.yaml": ENVIRONMENTS}})

    assert status == 403
    assert not Environment.objects.filter(name="Staging").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil.yaml",
        "/etc/x.yaml",
        "projects/../x.yaml",
        "projects/a/b/c.yaml",
        "x.sh",
        "projects/..//a.yaml",
    ],
)
def test_files_lead_nowhere_else(name: str, api: Api, tmp_path: Path) -> None:
    assert api.refused("POST", PATH, {"Files": {name: "[]"}})[0] == 400


@pytest.mark.parametrize("files", [{}, {"environments.yaml": "{"}, {"environments.yaml": "- Nmae: X"}])
def test_nonsense_is_refused(files: dict[str, str], api: Api) -> None:
    assert api.refused("POST", PATH, {"Files": files})[0] == 400


def test_a_plan_that_is_not_the_one_that_was_shown_is_not_made(api: Api, world: World) -> None:
    body = {"Files": {"environments.yaml": ENVIRONMENTS}, "Plan": "0" * 64}

    assert api.refused("POST", PATH, body)[0] == 409
    assert not Environment.objects.filter(name="Staging").exists()


def test_another_space_is_meant_where_the_address_says_so(api: Api, world: World) -> None:
    api.post("/api/spaces", {"Name": "Elsewhere"})

    api.post("/api/spaces/Elsewhere/configuration/apply", {"Files": {"environments.yaml": ENVIRONMENTS}})

    assert Environment.objects.get(name="Staging").space.name == "Elsewhere"


def test_a_secret_that_is_missing_changes_nothing(octo: Run, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "projects/orders"
    folder.mkdir(parents=True)
    (folder / "project.yaml").write_text("Name: Orders\nDescription: Changed\n")
    (folder / "variables.yaml").write_text(
        "Variables:\n- Name: Key\n  Type: Sensitive\n  ValueFrom: NOWHERE\n"
    )

    code, said = octo("apply", str(tmp_path), "--yes")

    assert code != 0
    assert "has no NOWHERE" in said
    assert not Variable.objects.filter(name="Key").exists()


def test_a_prompted_value_is_given_on_the_command_line(octo: Run, world: World) -> None:
    MachineFactory(pools=[int(world.dev_pool["Id"].rpartition("-")[2])])
    path = world.project["Links"]["Variables"]
    found = world.api.get(path)
    prompted = {"Name": "Reason", "Value": "", "Prompt": {"Label": "Why", "Required": True}}
    world.api.put(path, {**found, "Variables": [*found["Variables"], prompted]})
    world.api.post("/api/runbookSnapshots?publish=true", {"RunbookId": world.runbook["Id"], "Name": "Second"})
    words = ("run", "Back up", "--project", "Orders", "--environment", "Development")

    refused, said = octo(*words)
    started, _ = octo(*words, "--variable", "reason=Because = so")

    assert (refused, "Why needs a value." in said) == (5, True)
    assert started == 0
    plan = RunPlan.from_json(ServerTask.objects.get().plan)
    assert next(one.value for one in plan.candidates if one.name == "Reason") == "Because = so"
