"""Pages for what goes wrong: in the shell for those who are signed in, bare for others, JSON for programs."""

from __future__ import annotations

import json
import logging

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Role
from octoworkers.views import dashboard, errors
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
NAVIGATION = 'aria-label="Main"'


def text_of(response) -> str:
    return response.content.decode()


def test_unknown_address_in_the_shell(as_user, viewer):
    response = as_user(viewer).get("/nowhere/")

    assert response.status_code == 404
    assert "Nothing is here" in text_of(response)
    assert NAVIGATION in text_of(response)


@pytest.mark.parametrize("path", ["/nowhere/", "/s/nowhere/"])
def test_unknown_address_for_a_stranger(client, space, path):
    response = client.get(path)

    assert response.status_code == 404
    assert "Nothing is here" in text_of(response)
    assert NAVIGATION not in text_of(response)


def test_unknown_space_for_somebody_who_is_signed_in(as_user, viewer):
    assert as_user(viewer).get("/s/nowhere/tasks/").status_code == 404


def test_missing_right_is_named_and_who_grants_it(as_user, viewer, administrator):
    UserFactory(username="gone", role=Role.ADMINISTRATOR, is_active=False)

    response = as_user(viewer).get(reverse("pool_create"))

    assert response.status_code == 403
    assert "the right to <b>edit worker pools</b>" in text_of(response)
    assert "<b>ada</b> can change your role." in text_of(response)
    assert "gone" not in text_of(response)


def test_administrators_are_not_named_to_a_stranger(space, administrator):
    request = RequestFactory().get("/")

    response = errors.permission_denied(request, Exception())

    assert response.status_code == 403
    assert "ada" not in text_of(response)


def test_unreadable_request(as_user, viewer, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise SuspiciousOperation

    monkeypatch.setattr(dashboard, "dashboard", refuse)

    response = as_user(viewer).get("/")

    assert response.status_code == 400
    assert NAVIGATION in text_of(response)


def test_host_that_is_not_ours(client, space):
    response = client.get("/login/", headers={"host": "elsewhere.example"})

    assert response.status_code == 400
    assert "elsewhere" not in text_of(response)


@pytest.fixture
def broken(monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(dashboard, "dashboard", fail)


def signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def quoted(caplog) -> str:
    return next(record.args[0] for record in caplog.records if record.name == "octoworkers.errors")


def test_error_has_a_number_that_the_log_has_too(space, viewer, broken, caplog):
    with caplog.at_level(logging.ERROR):
        response = signed_in(viewer).get("/")

    assert response.status_code == 500
    assert quoted(caplog) in text_of(response)
    assert NAVIGATION in text_of(response)
    assert "boom" not in text_of(response)
    assert "RuntimeError: boom" in caplog.text


def test_error_page_stands_without_the_shell(space, viewer, broken, monkeypatch, caplog):
    def fail(*args: object) -> None:
        raise RuntimeError("database is gone")

    monkeypatch.setattr("octoworkers.context.counts", fail)

    response = signed_in(viewer).get("/")

    assert response.status_code == 500
    assert quoted(caplog) in text_of(response)


@pytest.mark.parametrize(
    ("handler", "status", "words"),
    [
        (errors.bad_request, 400, "could not be read"),
        (errors.permission_denied, 403, "does not allow it"),
        (errors.page_not_found, 404, "not found"),
    ],
)
def test_programs_get_json(handler, status, words):
    response = handler(RequestFactory().get("/api/machines/"), Exception())

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    found = json.loads(response.content)
    assert words in found["ErrorMessage"]
    assert found["Errors"] == [found["ErrorMessage"]]


def test_programs_get_the_number_of_an_error(caplog):
    response = errors.server_error(RequestFactory().get("/api/machines/"))

    assert response.status_code == 500
    assert quoted(caplog) in text_of(response)


def test_form_without_its_token_says_what_to_do(space):
    client = Client(enforce_csrf_checks=True)

    response = client.post(reverse("login"), {"username": "ada", "password": "x"})

    assert response.status_code == 403
    assert "This form is out of date" in text_of(response)
    assert "Nothing was changed" in text_of(response)
