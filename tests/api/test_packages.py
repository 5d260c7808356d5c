"""The feed through the API: packages are pushed, found, fetched and deleted."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from packages.models import Package
from tests.factories import SpaceFactory, push_package


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def push(api, name: str = "Acme.Web.1.0.0.zip", content: bytes = b"PK content", query: str = ""):
    """The status and the body."""
    data = {"fileToUpload": SimpleUploadedFile(name, content)}
    answer = api.client.post(f"/api/packages/raw{query}", data, headers=api.headers)
    return answer.status_code, answer.json()


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_package_is_pushed_and_fetched_as_it_was(api) -> None:
    status, package = push(api)

    assert status == 201
    assert (package["Id"], package["PackageId"]) == ("packages-Acme.Web.1.0.0", "Acme.Web")
    assert (package["Version"], package["FileExtension"]) == ("1.0.0", ".zip")
    assert api.get(package["Links"]["Self"]) == package
    assert b"".join(api.response("GET", package["Links"]["Raw"])) == b"PK content"


def test_a_version_that_is_there_is_refused_in_the_words_that_clients_look_for(api) -> None:
    push(api)

    status, body = push(api, content=b"other")
    ignored, _ = push(api, content=b"other", query="?overwriteMode=IgnoreIfExists")
    before = Package.objects.get().sha256
    replaced, _ = push(api, content=b"other", query="?overwriteMode=OverwriteExisting")

    assert status == 409
    assert "A package with the same name and version already exists" in body["ErrorMessage"]
    assert (ignored, replaced) == (201, 201)
    assert Package.objects.get().sha256 != before


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("readme.txt", "", "is no package"),
        ("Acme.zip", "", "has no version in its name"),
        ("Acme.1.0.zip", "?overwriteMode=Perhaps", "This is one of FailIfExists"),
    ],
)
def test_what_is_no_package_is_refused(api, name, query, words) -> None:
    status, body = push(api, name, query=query)

    assert status == 400
    assert words in str(body)
    assert not Package.objects.exists()


def test_a_push_without_a_file_is_refused(api) -> None:
    answer = api.client.post("/api/packages/raw", {"x": "y"}, headers=api.headers)
    other = api.client.post("/api/packages/raw", b"{}", content_type="application/json", headers=api.headers)

    assert (answer.status_code, other.status_code) == (400, 400)


def test_packages_are_found_by_id_part_and_version(api, space) -> None:
    for name in ("Acme.Web.1.9.0.zip", "Acme.Web.1.10.0.zip", "Acme.Api.2.0.0.nupkg"):
        push_package(name, space=space)
    push_package("Acme.Web.7.0.0.zip", space=SpaceFactory())

    def found(query: str) -> list[str]:
        return [one["Id"] for one in api.get(f"/api/packages?{query}")["Items"]]

    assert found("nuGetPackageId=acme.web") == ["packages-Acme.Web.1.10.0", "packages-Acme.Web.1.9.0"]
    assert found("latest=true") == ["packages-Acme.Api.2.0.0", "packages-Acme.Web.1.10.0"]
    assert found("filter=API") == ["packages-Acme.Api.2.0.0"]
    assert found("ids=packages-Acme.Api.2.0.0,packages-nothing") == ["packages-Acme.Api.2.0.0"]
    assert api.send("GET", "/api/packages/packages-Acme.Web.7.0.0")[0] == 404
    assert api.send("GET", "/api/packages/nothing")[0] == 404


def test_who_may_not_push_or_delete_is_told(api, api_viewer) -> None:
    push(api)

    assert push(api_viewer, "Acme.Web.2.0.0.zip")[0] == 403
    assert api_viewer.send("DELETE", "/api/packages/packages-Acme.Web.1.0.0")[0] == 403
    api.delete("/api/packages/packages-Acme.Web.1.0.0")
    assert not Package.objects.exists()


def test_the_built_in_feed_is_there_under_both_names(api, space) -> None:
    push(api)

    [feed] = api.get("/api/feeds")["Items"]

    assert feed["FeedType"] == "BuiltIn"
    assert api.get("/api/feeds/feeds-builtin") == feed
    assert api.get(f"/api/feeds/{feed['Id']}") == feed
    assert api.get(feed["Links"]["Packages"])["TotalResults"] == 1
