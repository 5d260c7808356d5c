"""Templates within projects and library sets, and the values of tenants, over the API."""

from __future__ import annotations

import pytest

from tests.api.flows import named

TEXT = {"Octopus.ControlType": "SingleLineText"}
SECRET = {"Octopus.ControlType": "Sensitive"}


@pytest.fixture
def asked(api, world):
    """A project and a library set that ask, and a tenant in both environments."""
    shared = named(
        api, "libraryvariablesets", Name="Shared", Templates=[{"Name": "Alias", "DisplaySettings": TEXT}]
    )
    project = api.put(
        world.project["Links"]["Self"],
        {
            "IncludedLibraryVariableSetIds": [shared["Id"]],
            "TenantedDeploymentMode": "Tenanted",
            "Templates": [
                {"Name": "Host", "Label": "Server", "HelpText": "Of the tenant", "DisplaySettings": TEXT},
                {
                    "Name": "Password",
                    "DisplaySettings": SECRET,
                    "DefaultValue": {"HasValue": True, "NewValue": "secret"},
                },
            ],
        },
    )
    environments = [world.dev["Id"], world.live["Id"]]
    tenant = named(api, "tenants", Name="Acme", ProjectEnvironments={project["Id"]: environments})
    return project, shared, tenant


def template(owner, name):
    return next(one for one in owner["Templates"] if one["Name"] == name)


def test_templates_travel_with_their_owner(api, asked):
    project, shared, _ = asked
    host, password = template(project, "Host"), template(project, "Password")
    assert (host["Label"], host["HelpText"], host["DefaultValue"]) == ("Server", "Of the tenant", None)
    assert password["DefaultValue"] == {"HasValue": True, "NewValue": None, "Hint": None}
    assert "secret" not in str(project)

    again = api.put(project["Links"]["Self"], project)
    assert [one["Id"] for one in again["Templates"]] == [one["Id"] for one in project["Templates"]]
    assert api.put(project["Links"]["Self"], {"Templates": [host]})["Templates"] == [host]
    assert api.get(shared["Links"]["Self"])["Templates"][0]["Name"] == "Alias"


def test_all_values_of_a_tenant(api, world, asked):
    project, shared, tenant = asked
    path = f"/api/tenants/{tenant['Id']}/variables"
    host, alias = template(project, "Host")["Id"], template(shared, "Alias")["Id"]
    found = api.get(path)
    assert found["ProjectVariables"][project["Id"]]["Variables"] == {
        world.dev["Id"]: {},
        world.live["Id"]: {},
    }
    found["ProjectVariables"][project["Id"]]["Variables"][world.dev["Id"]] = {host: "acme.dev"}
    found["LibraryVariables"][shared["Id"]]["Variables"] = {alias: "acme"}

    saved = api.put(path, found)

    assert saved["ProjectVariables"][project["Id"]]["Variables"][world.dev["Id"]] == {host: "acme.dev"}
    assert saved["LibraryVariables"][shared["Id"]]["Variables"] == {alias: "acme"}
    part = {"ProjectVariables": {project["Id"]: {"Variables": {}}}}
    saved = api.put(path, part)
    assert saved["ProjectVariables"][project["Id"]]["Variables"][world.dev["Id"]] == {}
    assert saved["LibraryVariables"][shared["Id"]]["Variables"] == {alias: "acme"}


def test_values_one_by_one_and_what_is_missing(api, world, asked):
    project, _, tenant = asked
    own = f"/api/tenants/{tenant['Id']}"
    host, password = template(project, "Host")["Id"], template(project, "Password")["Id"]
    both = {"EnvironmentIds": [world.dev["Id"], world.live["Id"]]}
    lacks = api.get("/api/tenants/variables-missing?includeDetails=true")
    assert [one["VariableTemplateName"] for one in lacks[0]["MissingVariables"]] == ["Alias", "Host", "Host"]

    api.put(
        f"{own}/projectvariables",
        {
            "Variables": [
                {"TemplateId": host, "Value": "acme", "Scope": both},
                {
                    "TemplateId": password,
                    "Value": {"HasValue": True, "NewValue": "correct horse"},
                    "Scope": both,
                },
            ]
        },
    )
    found = api.get(f"{own}/projectvariables?includeMissingVariables=true")
    assert len(found["Variables"]) == 4
    assert found["MissingVariables"] == []
    secrets = [one["Value"] for one in found["Variables"] if one["TemplateId"] == password]
    assert secrets == [{"HasValue": True, "NewValue": None, "Hint": None}] * 2
    assert len(api.put(f"{own}/projectvariables", found)["Variables"]) == 4

    common = api.get(f"{own}/commonvariables?includeMissingVariables=true")
    [missing] = common["MissingVariables"]
    assert missing["LibraryVariableSetName"] == "Shared"
    api.put(f"{own}/commonvariables", {"Variables": [{**missing, "Value": "acme"}]})
    assert api.get("/api/tenants/variables-missing") == []


def test_what_is_refused(api, api_viewer, world, asked):
    project, shared, tenant = asked
    own = f"/api/tenants/{tenant['Id']}"
    alias, password = template(shared, "Alias")["Id"], template(project, "Password")["Id"]
    where = {"EnvironmentIds": [world.dev["Id"]]}

    body = {"Variables": [{"TemplateId": alias, "Value": "x", "Scope": where}]}
    status, text = api.refused("PUT", f"{own}/commonvariables", body)
    assert (status, "not asked for" in text) == (400, True)
    short = {"Variables": [{"TemplateId": password, "Value": {"NewValue": "abc"}, "Scope": where}]}
    status, text = api.refused("PUT", f"{own}/projectvariables", short)
    assert (status, "at least 4 characters" in text) == (400, True)
    assert api_viewer.refused("PUT", f"{own}/commonvariables", {"Variables": []})[0] == 403
    assert api_viewer.get(f"{own}/variables")["TenantName"] == "Acme"
    twice = {"Templates": [{"Name": "A", "DisplaySettings": {"Octopus.ControlType": "Rainbow"}}]}
    assert api.refused("PUT", project["Links"]["Self"], twice)[0] == 400
