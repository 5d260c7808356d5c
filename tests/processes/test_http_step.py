"""HTTP request in the step editor."""

from __future__ import annotations

import pytest

from domain.step_types import http
from tests.processes.test_editor import process, project

__all__ = ["process", "project"]
pytestmark = pytest.mark.django_db
NEW = "/projects/orders/process/new/http-request/"


def entered(process, **changes):
    return {
        "version": process.version,
        "action_type": "http-request",
        "name": "Ask",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "specific",
        "method": "POST",
        "url": " https://#{Host}/health ",
        "headers": "Accept: a/b\r\nX: y",
        "expected_status": "200-299",
        "expected_json": "status = ok",
        "notes": "",
    } | changes


def test_it_is_offered_stored_and_shown_again(as_user, editor, process):
    client = as_user(editor)
    assert NEW in client.get("/projects/orders/process/").text

    answer = client.post(NEW, entered(process, hide_answer="on", answer_timeout="5"))

    assert answer.status_code == 302
    assert process.steps.get().actions.get().properties == {
        "Octopus.Action.RunOnServer": "true",
        http.METHOD: "POST",
        http.URL: "https://#{Host}/health",
        http.HEADERS: "Accept: a/b\nX: y",
        http.JSON_CHECKS: "status = ok",
        http.HIDE: "True",
        http.TIMEOUT: "5",
    }
    page = client.get("/projects/orders/process/steps/ask/").text
    assert 'value="https://#{Host}/health"' in page
    assert "Accept: a/b\nX: y" in page


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("url", {"url": ""}),
        ("url", {"url": "ftp://a"}),
        ("headers", {"headers": "nothing"}),
        ("expected_status", {"expected_status": "600"}),
        ("expected_json", {"expected_json": "a..b"}),
        ("answer_timeout", {"answer_timeout": "0"}),
        ("method", {"method": "TRACE"}),
    ],
)
def test_nonsense_is_refused_at_its_field(as_user, editor, process, field, changes):
    response = as_user(editor).post(NEW, entered(process, **changes))

    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.text
    assert not process.steps.exists()
