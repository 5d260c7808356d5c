"""Artifacts on pages: listed, looked at, downloaded, and never a page of this server."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from tasks.models import Artifact, ArtifactState
from tasks.services import artifacts
from tests.factories import ServerTaskFactory, SpaceFactory

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def client(as_user, viewer):
    return as_user(viewer)


@pytest.fixture
def task(space):
    return ServerTaskFactory(space=space)


def left(task, name: str, content: bytes) -> Artifact:
    return artifacts.create(task, name=name, content=[content], now=timezone.now())


def url(name: str, row: Artifact) -> str:
    return reverse(name, args=[row.task_id, row.pk])


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_they_are_listed_with_what_became_of_them(client, task):
    stored = left(task, "report.txt", b"x" * 2000)
    refused = left(task, "<b>big.bin", b"y")
    Artifact.objects.filter(pk=refused.pk).update(state=ArtifactState.REFUSED, message="Too large.")

    html = client.get(reverse("task_artifacts", args=[task.pk])).content.decode()

    assert "report.txt" in html
    assert "&lt;b&gt;big.bin" in html
    assert "Too large." in html
    assert url("artifact_download", stored) in html
    assert url("artifact_download", refused) not in html


def test_without_any_the_page_says_how_to_leave_one(client, task):
    assert "new_octopusartifact" in client.get(reverse("task_artifacts", args=[task.pk])).content.decode()


def test_a_download_is_exact_and_runs_nowhere(client, task):
    row = left(task, 'größe "1".html', b"<script>alert(1)</script>")

    response = client.get(url("artifact_download", row))

    assert body(response) == b"<script>alert(1)</script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''gr%C3%B6%C3%9Fe")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_text_is_shown_as_text(client, task):
    row = left(task, "a.html", b"<script>alert(1)</script>\n\x1b[31mred\x1b[0m \xe2\x80\xae\xff")

    html = client.get(url("artifact_detail", row)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html
    assert "red &lt;U+202E&gt;\ufffd" in html


def test_a_picture_is_shown_by_what_it_is_and_not_by_its_name(client, task):
    picture, document = left(task, "a.txt", PNG), left(task, "b.png", SVG)

    assert "<img" in client.get(url("artifact_detail", picture)).content.decode()
    response = client.get(url("artifact_image", picture))
    assert (response["Content-Type"], body(response)) == ("image/png", PNG)
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "<img" not in client.get(url("artifact_detail", document)).content.decode()
    assert client.get(url("artifact_image", document)).status_code == 404


def test_other_files_have_no_preview(client, task):
    html = client.get(url("artifact_detail", left(task, "a.bin", b"\0\1\2"))).content.decode()

    assert "no preview" in html


def test_another_run_and_another_space_do_not_show_it(client, task):
    row = left(task, "a.txt", b"x")
    other = ServerTaskFactory(space=task.space)
    foreign = left(ServerTaskFactory(space=SpaceFactory()), "b.txt", b"x")

    assert client.get(reverse("artifact_download", args=[other.pk, row.pk])).status_code == 404
    assert client.get(url("artifact_download", foreign)).status_code == 404


def test_what_is_not_there_is_no_page(client, task):
    row = left(task, "a.txt", b"x")
    Artifact.objects.update(state=ArtifactState.REMOVED)

    assert client.get(url("artifact_detail", row)).status_code == 404
    assert client.get(url("artifact_download", row)).status_code == 404
