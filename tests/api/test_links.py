"""Links lead somewhere: clients follow them instead of knowing addresses."""

from __future__ import annotations

import re

import pytest

from octoworkers.api import description
from tests.factories import MachineFactory

LISTS = (
    "spaces",
    "environments",
    "lifecycles",
    "projectgroups",
    "projects",
    "channels",
    "workerpools",
    "workers",
    "machinepolicies",
    "tenants",
    "tagsets",
    "libraryvariablesets",
    "runbooks",
    "runbookSnapshots",
    "runbookRuns",
    "tasks",
    "events",
    "users",
)
#: They act, and so answer to POST or PUT alone.
ACTING = {"Cancel", "State", "Rerun", "Prioritize", "Submit"}


@pytest.mark.parametrize("path", LISTS)
def test_links_of_resources(api, world, space, path):
    MachineFactory(space=space, pools=[int(world.dev_pool["Id"].rpartition("-")[2])])
    api.post("/api/tenants", {"Name": "Acme"})
    api.post("/api/tagsets", {"Name": "Region"})
    api.post("/api/libraryvariablesets", {"Name": "Shared"})
    world.run("Development")

    rows = api.get(f"/api/{path}")["Items"]

    assert rows
    for name, link in rows[0]["Links"].items():
        if name not in ACTING and name != "Web":
            status, _ = api.send("GET", link)
            assert status == 200, (path, name, link)


@pytest.mark.parametrize("name", ["workerpools", "projects"])
def test_links_of_pages(api, world, name):
    for link in api.get(f"/api/{name}?take=1")["Links"].values():
        if "{" not in link:
            api.get(link)


def test_relations_of_the_home(api, space):
    documented = {path.casefold() for path in description.openapi()["paths"]}

    for name, template in api.get(f"/api/Spaces-{space.pk}")["Links"].items():
        plain = re.sub(r"\{[?/][^}]*\}", "", template).replace(f"/api/Spaces-{space.pk}", "/api").casefold()
        by_id = f"{plain}/{{ref}}"
        assert plain in documented or by_id in documented, (name, template)


def test_there_are_no_proxies(api):
    assert api.get("/api/proxies?name=x")["ItemType"] == "Proxy"
    assert api.refused("GET", "/api/proxies/Proxies-1")[0] == 404
