from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from packages.models import Feed, OwnerKind, Package
from packages.services import packages
from tests.factories import SpaceFactory, push_package

pytestmark = pytest.mark.django_db


def upload(name: str = "Acme.Web.1.0.0.zip", content: bytes = b"content", **fields: str) -> dict[str, object]:
    return {"file": SimpleUploadedFile(name, content), "overwrite": "FailIfExists", **fields}


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_push_list_and_download(as_user, editor, viewer) -> None:
    response = as_user(editor).post(reverse("package_push"), upload(notes="Faster"))

    assert response["Location"] == reverse("package_detail", args=["Acme.Web"])
    client = as_user(viewer)
    assert "Acme.Web" in client.get(reverse("package_list")).text
    assert "Faster" in client.get(response["Location"]).text
    file = client.get(reverse("package_download", args=["acme.web", "1.0.0"]))
    assert b"".join(file) == b"content"
    assert file["Content-Type"] == "application/octet-stream"
    assert file["Content-Disposition"] == 'attachment; filename="Acme.Web.1.0.0.zip"'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "Choose the file"),
        (upload("web.zip"), "no version in its name"),
        (upload("web.1.0.exe"), "no package"),
        (upload(content=b""), "empty"),
        (upload(overwrite="Sometimes"), "Select a valid choice"),
        (upload(overwrite="OverwriteExisting"), "Select a valid choice"),
    ],
)
def test_push_says_what_is_wrong(as_user, editor, data, words) -> None:
    response = as_user(editor).post(reverse("package_push"), data)

    assert response.status_code == 422
    assert words in response.text
    assert not Package.objects.exists()


def test_push_twice_is_said_at_the_field(as_user, editor) -> None:
    push_package()

    response = as_user(editor).post(reverse("package_push"), upload())

    assert response.status_code == 422
    assert "A package with the same name and version already exists" in response.text


def test_an_administrator_may_replace(as_user, administrator) -> None:
    push_package()

    response = as_user(administrator).post(
        reverse("package_push"), upload(content=b"new", overwrite="OverwriteExisting")
    )

    assert response.status_code == 302
    assert Package.objects.get().size == 3


def test_list_filters_by_text(as_user, viewer) -> None:
    push_package("Acme.Web.1.0.zip")
    push_package("Globex.1.0.zip")

    found = as_user(viewer).get(reverse("package_list"), {"q": "GLOB"}, headers={"HX-Request": "true"})

    assert "Globex" in found.text
    assert "Acme" not in found.text
    assert "<html" not in found.text


@pytest.mark.parametrize("query", [{"q": "a\0b"}, {"q": "nothing"}, {"page": "99"}, {"page": "x"}])
def test_list_takes_any_filter(as_user, viewer, query) -> None:
    push_package()

    assert as_user(viewer).get(reverse("package_list"), query).status_code == 200


def test_list_costs_the_same_for_many_rows(as_user, viewer, django_assert_max_num_queries) -> None:
    for number in range(30):
        push_package(f"Acme{number}.1.0.zip")
        push_package(f"Acme{number}.2.0.zip")
    client = as_user(viewer)

    with django_assert_max_num_queries(12):
        client.get(reverse("package_list"))


def test_packages_of_another_space_are_not_there(as_user, administrator) -> None:
    push_package(space=SpaceFactory())
    client = as_user(administrator)

    assert "No packages yet" in client.get(reverse("package_list")).text
    assert client.get(reverse("package_detail", args=["Acme.Web"])).status_code == 404
    for name in ("package_download", "package_delete"):
        assert client.get(reverse(name, args=["Acme.Web", "1.0.0"])).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_who_may_push_can(as_user, request, role) -> None:
    client = as_user(request.getfixturevalue(role))

    assert client.get(reverse("package_push")).status_code == 403
    assert client.post(reverse("package_push"), upload()).status_code == 403
    assert not Package.objects.exists()


def test_only_administrators_delete_and_set_retention(as_user, editor) -> None:
    push_package()
    client = as_user(editor)

    assert client.post(reverse("package_delete", args=["Acme.Web", "1.0.0"])).status_code == 403
    assert client.post(reverse("package_retention"), {"keep_days": "1"}).status_code == 403
    assert Package.objects.count() == 1


def test_delete_asks_and_deletes(as_user, administrator) -> None:
    push_package()
    url = reverse("package_delete", args=["Acme.Web", "1.0.0"])

    assert as_user(administrator).get(url).status_code == 200
    assert as_user(administrator).post(url).status_code == 302
    assert not Package.objects.exists()


def test_retention_is_saved(as_user, administrator) -> None:
    push_package()
    client, url = as_user(administrator), reverse("package_retention")

    assert client.post(url, {"keep_days": "30"}).status_code == 302
    assert Feed.objects.get().keep_days == 30
    assert client.post(url, {"keep_days": "0"}).status_code == 422
    assert client.post(url, {"keep_days": ""}).status_code == 302
    assert Feed.objects.get().keep_days is None


def test_a_file_that_is_gone_is_said(as_user, viewer, media) -> None:
    package = push_package()
    (media / package.file).unlink()

    assert as_user(viewer).get(reverse("package_download", args=["Acme.Web", "1.0.0"])).status_code == 404


def test_an_orphaned_hold_is_no_reason(as_user, administrator) -> None:
    package = push_package()
    packages.hold([package], kind=OwnerKind.RELEASE, owner_id=987_654)

    url = reverse("package_delete", args=["Acme.Web", "1.0.0"])
    assert as_user(administrator).post(url).status_code == 302
