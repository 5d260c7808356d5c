"""HTTP requests that the server sends, with its real program and a real HTTP server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from domain.processes import HTTP_ACTION, ON_SERVER
from domain.step_types import http
from tasks.engine import jobs, serving
from tasks.models import OutputVariable, TaskState
from tests.factories import WorkerPoolFactory
from tests.tasks.engine.builders import frozen_variables, queue
from tests.tasks.engine.test_attempts import fresh

pytestmark = pytest.mark.django_db


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2:1/")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"fine, {self.headers.get('X-Key', '')}".encode())

    def log_message(self, *given):
        pass


@pytest.fixture(scope="module")
def address():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    monkeypatch.setattr(serving, "start_outside", lambda work: work())
    monkeypatch.setattr(serving, "PAUSES", (0,))


def run(space, url: str, **properties: str):
    pool = WorkerPoolFactory(space=space)
    task = queue(
        "",
        pool=pool,
        action_type=HTTP_ACTION,
        properties={ON_SERVER: "True", http.METHOD: "GET", http.URL: url, **properties},
        variables=frozen_variables([("Key", "Sensitive", "s3cret-key")]),
        now=timezone.now(),
    )
    for _ in range(2):
        jobs.sweep(now=timezone.now())
    return fresh(task)


def said(task) -> str:
    return "\n".join(task.events.values_list("message", flat=True))


def test_the_answer_is_checked_told_and_kept_and_secrets_are_masked(space, address, settings):
    settings.HTTP_ALLOWED = ["127.0.0.1/32"]

    task = run(space, f"{address}/", **{http.HEADERS: "X-Key: #{Key}", http.CONTAINS: "fine"})

    assert (task.state, task.error_message) == (TaskState.SUCCESS, "")
    assert task.plan["steps"][0].get("pool_id") is None
    assert "fine, ********" in said(task)
    assert "s3cret" not in said(task)
    found = dict(OutputVariable.objects.filter(execution__task=task).values_list("name", "value"))
    assert found["StatusCode"] == "200"


def test_the_servers_own_network_is_out_of_reach(space, address):
    task = run(space, f"{address}/")

    assert task.state == TaskState.FAILED
    assert "is not on the open internet" in task.error_message


def test_also_by_a_redirect(space, address, settings):
    settings.HTTP_ALLOWED = ["127.0.0.1/32"]

    task = run(space, f"{address}/away")

    assert task.state == TaskState.FAILED
    assert "127.0.0.2 is not on the open internet" in task.error_message


def test_an_answer_that_is_not_the_expected_one_fails(space, address, settings):
    settings.HTTP_ALLOWED = ["127.0.0.0/8"]

    task = run(space, f"{address}/", **{http.STATUS: "404"})

    assert "has the status 200, where 404 was expected" in task.error_message
