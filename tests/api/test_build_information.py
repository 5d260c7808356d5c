"""Build information as pipelines push it, and where it shows."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Role
from projects.models import Project
from projects.services import releases
from tests.api.client import api_of
from tests.api.flows import a_project, script, set_steps
from tests.factories import UserFactory, push_package

BUILD = {
    "Branch": "main",
    "BuildEnvironment": "Jenkins",
    "BuildNumber": "42",
    "BuildUrl": "https://ci.example.org/42",
    "VcsType": "Git",
    "VcsRoot": "https://git.example.org/acme/web.git",
    "VcsCommitNumber": "abc123",
    "Commits": [{"Id": "abc123", "Comment": "Adds the <b>index</b>\n\nIt was slow"}],
    "WorkItems": [{"Id": "WEB-7", "Description": "Too slow", "LinkUrl": "javascript:alert(1)"}],
}


def _push(api, version="1.0.0", mode="", **build):
    body = {"PackageId": "Acme.Web", "Version": version, "OctopusBuildInformation": {**BUILD, **build}}
    return api.send("POST", f"/api/build-information?overwriteMode={mode}", body)


def test_what_is_pushed_is_read_again_with_links_that_are_safe(api):
    status, made = _push(api)

    assert status == 201
    assert made["Branch"] == "main"
    assert made["BuildUrl"] == "https://ci.example.org/42"
    assert made["Commits"][0]["LinkUrl"] == "https://git.example.org/acme/web/commit/abc123"
    assert made["WorkItems"] == [{"Id": "WEB-7", "LinkUrl": "", "Source": "", "Description": "Too slow"}]
    assert api.get(made["Links"]["Self"]) == made
    assert api.get(f"/api/build-information/{made['Id'].upper()}")["Id"] == made["Id"]
    api.delete(made["Links"]["Self"])
    assert api.refused("GET", made["Links"]["Self"])[0] == 404


def test_a_second_push_does_what_its_mode_says(api):
    _push(api)

    status, refusal = _push(api, BuildNumber="43")
    ignored = _push(api, mode="IgnoreIfExists", BuildNumber="43")
    replaced = _push(api, mode="overwriteexisting", BuildNumber="43")

    assert status == 409
    assert "Metadata for the specified Package ID and version already exists." in refusal["ErrorMessage"]
    assert (ignored[0], ignored[1]["BuildNumber"]) == (201, "42")
    assert (replaced[0], replaced[1]["BuildNumber"]) == (201, "43")
    assert api.get("/api/build-information")["TotalResults"] == 1
    assert _push(api, mode="Sometimes")[0] == 400


def test_lists_are_narrowed(api):
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        _push(api, version)

    found = api.get("/api/build-information?packageId=acme.web&latest=true")

    assert [one["Version"] for one in found["Items"]] == ["1.10.0"]
    assert api.get("/api/build-information?filter=ACME")["TotalResults"] == 3
    assert api.get("/api/build-information?packageId=Other")["TotalResults"] == 0


@pytest.mark.parametrize(
    "body", [{"PackageId": "../x", "Version": "1.0"}, {"PackageId": "A", "Version": "new"}, {}]
)
def test_what_no_package_can_be_is_refused(api, body):
    assert api.refused("POST", "/api/build-information", body)[0] == 400


def test_viewers_push_nothing_and_editors_replace_nothing(api, api_viewer, space):
    editor = api_of(UserFactory(role=Role.EDITOR))

    assert _push(api_viewer)[0] == 403
    assert _push(editor)[0] == 201
    assert _push(editor, mode="OverwriteExisting")[0] == 403
    assert editor.refused("DELETE", "/api/build-information/BuildInformation-1")[0] in (403, 404)


def test_it_shows_with_the_package_and_with_the_release(api, space, administrator, as_user):
    push_package("Acme.Web.1.0.0.zip", space=space)
    project = a_project(api)
    step = script("Deploy web")
    step["Actions"][0]["Packages"] = [{"Name": "", "PackageId": "Acme.Web", "FeedId": "feeds-builtin"}]
    set_steps(api, project["Links"]["DeploymentProcess"], step)
    _push(api)
    release = releases.create(project=Project.objects.get(), version="1.0.0", user=administrator)

    package = api.get("/api/packages/packages-Acme.Web.1.0.0")
    listed = api.get("/api/packages")["Items"]
    [build] = api.get(f"/api/releases/Releases-{release.pk}")["BuildInformation"]
    page = as_user(administrator).get(reverse("release_detail", args=["orders", "1.0.0"])).content.decode()

    assert package["PackageVersionBuildInformation"]["Branch"] == "main"
    assert listed == [package]
    assert (build["PackageId"], build["BuildNumber"]) == ("Acme.Web", "42")
    assert 'href="https://ci.example.org/42"' in page
    assert "Adds the &lt;b&gt;index&lt;/b&gt;" in page
    assert "WEB-7" in page
    assert "javascript:" not in page


def test_lists_of_packages_and_releases_read_builds_at_once(api, space, django_assert_max_num_queries):
    for number in range(8):
        push_package(f"Acme.Web{number}.1.0.0.zip", space=space)

    with django_assert_max_num_queries(14):
        api.get("/api/packages")
