"""What an agent gets, and with which token."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from packages.services import packages
from tasks import package_tokens
from tasks.models import Attempt, AttemptState
from tasks.package_tokens import Grant
from tests.factories import AttemptFactory, push_package

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def package(space, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return push_package(content=CONTENT)


@pytest.fixture
def attempt(space) -> Attempt:
    return AttemptFactory(state=AttemptState.RUNNING)


def fetch(package, token: str, **headers: str):
    headers = {"Authorization": f"Bearer {token}", **headers}
    return Client().get(reverse("agent_package", args=[package.pk]), headers=headers)


def token_of(attempt: Attempt, package, **changes) -> str:
    values = {"attempt_id": attempt.pk, "package_id": package.pk, "sha256": package.sha256, **changes}
    return package_tokens.issue(Grant(**values))


def body(response) -> bytes:
    return b"".join(response)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_the_agent_of_a_running_step_gets_its_package(package, attempt) -> None:
    response = fetch(package, token_of(attempt, package))

    assert response.status_code == 200
    assert body(response) == CONTENT
    assert response["Content-Length"] == str(len(CONTENT))
    package.refresh_from_db()
    assert package.used_at is not None


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_transfer_goes_on(package, attempt) -> None:
    response = fetch(package, token_of(attempt, package), Range="bytes=1000000-")

    assert response.status_code == 206
    assert body(response) == CONTENT[1_000_000:]
    assert response["Content-Range"] == f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert fetch(package, token_of(attempt, package), Range=f"bytes={len(CONTENT)}-").status_code == 416


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "é" * 10])
def test_without_a_token_nobody_gets_anything(package, attempt, token) -> None:
    assert fetch(package, token.encode("ascii", "ignore").decode()).status_code == 401


def test_signing_in_is_no_token(package, as_user, administrator) -> None:
    client = as_user(administrator)

    assert client.get(reverse("agent_package", args=[package.pk])).status_code == 401


def test_a_token_is_for_one_package(package, attempt) -> None:
    other = push_package("Other.1.0.zip")

    assert fetch(other, token_of(attempt, package)).status_code == 403


@pytest.mark.parametrize("state", [AttemptState.FINISHED, AttemptState.WITHDRAWN])
def test_a_token_ends_with_its_attempt(package, attempt, state) -> None:
    token = token_of(attempt, package)
    Attempt.objects.filter(pk=attempt.pk).update(state=state)

    assert fetch(package, token).status_code == 403


def test_a_token_of_an_attempt_that_never_was_is_refused(package, attempt) -> None:
    assert fetch(package, token_of(attempt, package, attempt_id=uuid.uuid4())).status_code == 403


def test_a_token_grows_old(package, attempt, monkeypatch) -> None:
    token = token_of(attempt, package)
    later = timezone.now() + timedelta(hours=3)
    monkeypatch.setattr("django.core.signing.time.time", later.timestamp)

    assert fetch(package, token).status_code == 401


def test_a_package_that_changed_meanwhile_is_not_given(package, attempt, administrator) -> None:
    token = token_of(attempt, package)
    push_package(content=b"other", overwrite=packages.Overwrite.REPLACE, user=administrator)

    response = fetch(package, token)
    assert response.status_code == 409
    assert "Run it again" in response.json()["error"]["message"]


def test_a_package_that_was_deleted_meanwhile_is_said(package, attempt) -> None:
    token, pk = token_of(attempt, package), package.pk
    packages.delete(package, user=None)
    package.pk = pk

    assert fetch(package, token).json()["error"]["code"] == "deleted"
