import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import EnrolmentCodeFactory, WorkerPoolFactory
from tests.workers.test_enrolment import new_key
from workers.models import Machine
from workers.services import server_key

pytestmark = pytest.mark.django_db
URL = "/api/agents/enrol"


@pytest.fixture
def plain(space):
    EnrolmentCodeFactory(plain="the-code", pools=[WorkerPoolFactory()])
    return "the-code"


def application(**changes):
    return {
        "code": "the-code",
        "name": "db-01",
        "public_key": new_key(),
        "agent_version": "0.1.0",
        "capabilities": {"os": "linux"},
        "boot_id": "boot",
    } | changes


def post(body, **extra):
    body = body if isinstance(body, str | bytes) else json.dumps(body)
    client = Client(enforce_csrf_checks=True)
    return client.post(URL, body, content_type=extra.pop("content_type", "application/json"), **extra)


def code_of(response):
    return response.json()["error"]["code"]


def test_an_agent_joins_without_cookie_or_token(plain):
    response = post(application())

    machine = Machine.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "agent_id": str(machine.agent_id),
        "name": "db-01",
        "server_key": server_key.public_hex(),
        "websocket": "/agent/ws/",
    }


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"code": "wrong"}, 403, "unknown_code"),
        ({"code": ""}, 400, "invalid"),
        ({"code": None}, 400, "invalid"),
        ({"code": "x" * 101}, 400, "invalid"),
        ({"name": 7 * "x" * 30}, 400, "invalid"),
        ({"public_key": "nonsense"}, 400, "invalid"),
        ({"capabilities": "text"}, 400, "invalid"),
        ({"code": "\ud800"}, 400, "invalid"),
        ({"boot_id": "\ud800"}, 400, "invalid"),
        ({"boot_id": "\x00"}, 400, "invalid"),
        ({"capabilities": {"x": "\x00"}}, 400, "invalid"),
        ({"capabilities": {"x": "\ud800"}}, 400, "invalid"),
        ({"capabilities": {"x": "y" * 33_000}}, 400, "invalid"),
        ({"capabilities": {"x": "y" * 70_000}}, 400, "invalid"),
    ],
)
def test_each_bad_field_has_its_answer(plain, changes, status, code):
    response = post(application(**changes))

    assert (response.status_code, code_of(response)) == (status, code)
    assert response.json()["error"]["message"]
    assert not Machine.objects.exists()


@pytest.mark.parametrize("field", ["code", "name", "public_key", "agent_version", "capabilities", "boot_id"])
def test_a_missing_field_is_named(plain, field):
    body = application()
    del body[field]

    response = post(body)

    assert response.status_code == 400
    assert field in response.json()["error"]["message"]


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "null", b"\xff\xfe\x00", "[" * 10_000])
def test_what_is_not_an_object_is_refused(plain, body):
    response = post(body)

    assert response.status_code == 400
    assert code_of(response) == "invalid"


def test_a_form_is_not_json(plain):
    response = post("code=the-code", content_type="application/x-www-form-urlencoded")

    assert (response.status_code, code_of(response)) == (415, "invalid")


def test_expired_and_used_codes_are_gone(space):
    pools = [WorkerPoolFactory()]
    EnrolmentCodeFactory(plain="old", pools=pools, expires_at=timezone.now() - timedelta(seconds=1))
    EnrolmentCodeFactory(plain="the-code", pools=pools)
    post(application())

    assert (post(application(code="old")).status_code, post(application()).status_code) == (410, 410)
    assert code_of(post(application(code="old"))) == "expired_code"
    assert code_of(post(application())) == "used_code"


def test_get_says_so_in_the_same_form(space):
    response = Client().get(URL)

    assert response.status_code == 405
    assert response.json()["error"]["message"]


def test_guessing_is_slowed_down(space, monkeypatch):
    monkeypatch.setattr("workers.api.enrolment.EnrolmentThrottle.get_rate", lambda self: "3/min")

    answers = [post(application(code="wrong")) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 429, 429]
    assert code_of(answers[-1]) == "too_many"
    assert int(answers[-1]["Retry-After"]) > 0


def test_a_forged_forwarding_header_does_not_help(space, monkeypatch):
    monkeypatch.setattr("workers.api.enrolment.EnrolmentThrottle.get_rate", lambda self: "1/min")
    post(application(code="wrong"), headers={"X-Forwarded-For": "10.0.0.1"})

    again = post(application(code="wrong"), headers={"X-Forwarded-For": "10.0.0.2"})

    assert again.status_code == 429


def test_the_program_is_served_to_anybody_and_noted_for_its_line(space):
    code = EnrolmentCodeFactory()

    response = Client().get(reverse("agent_download"), {"enrolment": code.pk})

    assert response.status_code == 200
    assert b"PK\x03\x04" in response.content[:200]
    assert response["X-Octoworker-Version"]
    code.refresh_from_db()
    assert code.fetched_at is not None


@pytest.mark.parametrize("odd", ["", "abc", "-1", "9" * 30, "²"])
def test_the_program_is_served_whatever_the_number_says(space, odd):
    assert Client().get(reverse("agent_download"), {"enrolment": odd}).status_code == 200
