"""Addresses beside the main ones: the keys of a user, a release's notes and its end."""

from __future__ import annotations

from projects.models import Release
from tests.api.flows import a_project, named, script, set_steps
from tests.factories import DeploymentFactory, ReleaseFactory


def _release(api, **body):
    project = a_project(api)
    set_steps(api, project["Links"]["DeploymentProcess"], script("Say hello"))
    return api.post("/api/releases", {"ProjectId": project["Id"], "Version": "1.0", **body})


def test_the_notes_of_a_release_change_and_nothing_else(api):
    made = _release(api, ReleaseNotes="First")

    changed = api.put(made["Links"]["Self"], {**made, "ReleaseNotes": "Second"})

    assert changed == {**made, "ReleaseNotes": "Second"}
    assert api.refused("PUT", made["Links"]["Self"], {"Version": "2.0"})[0] == 400


def test_a_release_is_deleted_unless_it_was_deployed(api):
    made = _release(api)
    release = Release.objects.get()
    deployed = ReleaseFactory(project=release.project)
    DeploymentFactory(release=deployed)

    status, text = api.refused("DELETE", f"/api/releases/Releases-{deployed.pk}")
    api.delete(made["Links"]["Self"])

    assert (status, "Deployment: to" in text) == (409, True)
    assert [one.pk for one in Release.objects.all()] == [deployed.pk]


def test_a_viewer_changes_no_release(api, api_viewer):
    made = _release(api)

    assert api_viewer.refused("PUT", made["Links"]["Self"], {"ReleaseNotes": "x"})[0] == 403
    assert api_viewer.refused("DELETE", made["Links"]["Self"])[0] == 403


def test_a_run_from_git_is_refused_and_one_without_a_reference_is_not(api, world):
    named(api, "environments", Name="Test")
    body = {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Nowhere"]}

    refused = api.refused("POST", "/api/runbook-runs/git/create/v1", {**body, "GitRef": "refs/heads/main"})
    plain = api.refused("POST", "/api/runbook-runs/git/create/v1", body)

    assert "not in Git" in refused[1]
    assert "Nowhere" in plain[1]


def test_people_see_and_revoke_their_own_keys(api, api_viewer):
    me = api.get("/api/users/me")
    [key] = api.get(me["Links"]["ApiKeys"])["Items"]

    assert key["Purpose"] == "Tests"
    assert "key_hash" not in str(key)
    assert key["ApiKey"]["NewValue"] is None
    assert api_viewer.refused("GET", me["Links"]["ApiKeys"])[0] == 404
    assert api_viewer.refused("DELETE", key["Links"]["Self"])[0] == 404
    api.delete(key["Links"]["Self"])
    assert api.refused("GET", "/api/users/me")[0] == 401
