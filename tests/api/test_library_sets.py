"""Library variable sets over the API, and the projects that include them."""

from __future__ import annotations


def test_a_set_with_values_that_a_project_includes(api, world):
    made = api.post("/api/libraryvariablesets", {"Name": "Shared", "Description": "For all"})
    assert made["VariableSetId"] == f"variableset-{made['Id']}"
    assert (made["ContentType"], made["Templates"]) == ("Variables", [])

    variables = api.get(made["Links"]["Variables"])
    assert variables["OwnerId"] == made["Id"]
    assert variables["ScopeValues"]["Processes"] == []
    rows = [{"Name": "Proxy", "Value": "a", "Scope": {"Environment": [world.dev["Id"]]}}]
    api.put(made["Links"]["Variables"], {**variables, "Variables": rows})

    project = world.project
    saved = api.put(project["Links"]["Self"], {**project, "IncludedLibraryVariableSetIds": [made["Id"]]})
    assert saved["IncludedLibraryVariableSetIds"] == [made["Id"]]
    assert api.put(project["Links"]["Self"], {"Name": "Orders"})["IncludedLibraryVariableSetIds"] == [
        made["Id"]
    ]

    status, text = api.refused("DELETE", made["Links"]["Self"])
    assert (status, "Orders" in text) == (409, True)
    api.put(project["Links"]["Self"], {"IncludedLibraryVariableSetIds": []})
    api.delete(made["Links"]["Self"])
    assert api.refused("GET", made["Links"]["Variables"])[0] == 404


def test_a_project_may_start_with_sets_and_those_must_not_tie(api, world):
    one = api.post("/api/libraryvariablesets", {"Name": "One"})
    other = api.post("/api/libraryvariablesets", {"Name": "Other"})
    for made in (one, other):
        variables = api.get(made["Links"]["Variables"])
        api.put(made["Links"]["Variables"], {**variables, "Variables": [{"Name": "Proxy", "Value": "a"}]})
    project = {**world.project, "Name": "Second", "IncludedLibraryVariableSetIds": [one["Id"]]}

    assert api.post("/api/projects", project)["IncludedLibraryVariableSetIds"] == [one["Id"]]
    both = {"IncludedLibraryVariableSetIds": [one["Id"], other["Id"]]}
    status, text = api.refused("PUT", world.project["Links"]["Self"], both)

    assert (status, "equally specific" in text) == (400, True)
    missing = {"IncludedLibraryVariableSetIds": ["LibraryVariableSets-999"]}
    assert api.refused("PUT", world.project["Links"]["Self"], missing)[0] == 400


def test_lists_and_who_may_change(api, api_viewer):
    made = api.post("/api/libraryvariablesets", {"Name": "Shared"})

    assert api.get("/api/libraryvariablesets?contentType=Variables")["TotalResults"] == 1
    assert api.get("/api/libraryvariablesets?contentType=ScriptModule")["TotalResults"] == 0
    assert api.get("/api/libraryvariablesets?partialName=har")["TotalResults"] == 1
    assert api_viewer.get(made["Links"]["Self"])["Name"] == "Shared"
    assert api_viewer.refused("POST", "/api/libraryvariablesets", {"Name": "Mine"})[0] == 403
    assert api.refused("POST", "/api/libraryvariablesets", {"Name": "shared"})[0] == 400
    variables = api_viewer.get(made["Links"]["Variables"])
    assert api_viewer.refused("PUT", made["Links"]["Variables"], variables)[0] == 403
