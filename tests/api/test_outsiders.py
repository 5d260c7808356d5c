"""Every address of the API as somebody who has no key, a bad key, and a key of a viewer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps

from octoworkers.api import description
from tests.api.client import Api
from tests.api.flows import World
from tests.factories import MachineFactory

#: Who may look at these says nothing but versions.
PUBLIC = {"/api"}
#: They say who one is, and act on nobody else.
METHODS = ("get", "post", "put", "delete")


def operations() -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, item in description.openapi()["paths"].items()
        for method in item
        if method in METHODS
    ]


@pytest.fixture
def filled(world: World, space) -> dict[str, str]:
    """Ids that exist by the word before them in an address."""
    MachineFactory(space=space, pools=[int(world.dev_pool["Id"].rpartition("-")[2])])
    [started] = world.run("Development")
    return {
        "projects": world.project["Id"],
        "project": world.project["Id"],
        "runbooks": world.runbook["Id"],
        "runbookProcesses": world.runbook["RunbookProcessId"],
        "runbookSnapshots": world.snapshot["Id"],
        "runbookRuns": started["RunbookRunId"],
        "tasks": started["ServerTaskId"],
        "environments": world.dev["Id"],
        "workerpools": world.dev_pool["Id"],
        "variables": world.project["VariableSetId"],
        "deploymentprocesses": world.project["DeploymentProcessId"],
    }


def address(path: str, filled: dict[str, str]) -> str:
    words = path.split("/")
    return "/".join(
        filled.get(before, "1") if word.startswith("{") else word
        for before, word in zip(["", *words], words, strict=False)
    )


def rows() -> dict[str, int]:
    """Keys note their use, and nothing else may change."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def walk(client: Api, filled: dict[str, str]) -> dict[tuple[str, str], tuple[int, Any]]:
    found = {}
    for method, path in operations():
        body = (
            None if method in ("GET", "DELETE") else {"Name": "x", "Version": 1, "Steps": [], "Variables": []}
        )
        found[method, path] = client.send(method, address(path, filled), body)
    return found


@pytest.mark.parametrize("key", ["", "API-NOTAKEYATALL12345"])
def test_outsiders_see_and_do_nothing(key, filled) -> None:
    before = rows()

    answers = walk(Api(key), filled)

    open_to_all = {path for (method, path), (status, _) in answers.items() if status not in (401, 403, 404)}
    assert open_to_all == PUBLIC
    assert rows() == before
    names = ("Orders", "SQL - Dev", "Development", "Back up")
    told = {
        path for (_, path), (_, body) in answers.items() if any(name in json.dumps(body) for name in names)
    }
    assert told == set()


def test_a_viewer_changes_nothing(filled, api_viewer) -> None:
    before = rows()

    answers = walk(api_viewer, filled)

    changed = {name for name, count in rows().items() if count != before[name]}
    assert changed == set()
    allowed = {
        (method, path) for (method, path), (status, _) in answers.items() if method != "GET" and status < 400
    }
    assert allowed == set()
    broken = {key: status for key, (status, _) in answers.items() if status >= 500}
    assert broken == {}


def test_an_administrator_sees_everything(filled, api) -> None:
    answers = {
        path: api.send("GET", address(path, filled))[0] for method, path in operations() if method == "GET"
    }

    assert {path: status for path, status in answers.items() if status >= 500} == {}
