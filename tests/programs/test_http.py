"""HTTP request against a real server: what is sent, what is followed, and what the answer has to be."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from programs.http import main
from programs.kit.given import Failed, Given
from tests.programs.database.speech import Heard, heard


@dataclass
class Site:
    """A server that answers as told, and remembers what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"status": "ok", "items": [{"id": 7, "on": true}], "empty": null}'
    location: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    yield from _serve(Site())


@pytest.fixture
def other() -> Iterator[Site]:
    yield from _serve(Site(body=b"other"))


def _serve(told: Site) -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            told.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
            self.send_response(302 if told.location else told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            return

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def send(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Heard]:
    def sent(url: str, **inputs: object) -> Heard:
        given = {name: one if isinstance(one, str) else json.dumps(one) for name, one in inputs.items()}
        capfd.readouterr()
        failure = ""
        try:
            main(Given({"url": url, **given}, {}, tmp_path))
        except Failed as failed:
            failure = str(failed)
        return heard(capfd.readouterr().out, failure)

    return sent


def test_the_request_is_sent_as_it_is_set_and_the_answer_kept(send, site):
    told = send(
        f"{site.url}/a?b=c",
        method="POST",
        body="häuser",
        headers=[("X-Token", "t"), ("Content-Type", "text/plain")],
    )

    [(method, path, headers, body)] = site.asked
    assert told.failure == ""
    assert (method, path, body.decode()) == ("POST", "/a?b=c", "häuser")
    assert (headers["X-Token"], headers["Content-Type"], headers["User-Agent"]) == (
        "t",
        "text/plain",
        "Octoworkers",
    )
    assert told.outputs["StatusCode"] == "200"
    assert json.loads(told.outputs["Body"])["status"] == "ok"
    assert '"status": "ok"' in told.log


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_each_method(send, site, method):
    assert send(site.url, method=method).failure == ""
    assert site.asked[0][0] == method


def test_another_status_fails_unless_it_is_expected(send, site):
    site.status = 503

    failed, expected = send(site.url), send(site.url, statuses=[[200, 299], [503, 503]])

    assert failed.failure == "The answer has the status 503, where 200-299 was expected."
    assert failed.outputs["StatusCode"] == "503"
    assert expected.failure == ""


def test_the_text_is_looked_for(send, site):
    assert send(site.url, contains='"ok"').failure == ""
    assert send(site.url, contains="OK").failure == 'The answer does not have the text "OK" in it.'


@pytest.mark.parametrize(
    ("path", "value", "failure"),
    [
        (["status"], "ok", ""),
        (["items", 0, "id"], "7", ""),
        (["items", 0, "on"], "true", ""),
        (["empty"], "null", ""),
        (["empty"], None, ""),
        (["status"], "bad", '$.status is "ok", where "bad" was expected.'),
        (["items", 1], None, "The answer has no $.items[1]."),
        (["items", "id"], None, "The answer has no $.items.id."),
        (["status", 0], None, "The answer has no $.status[0]."),
    ],
)
def test_values_in_json(send, site, path, value, failure):
    assert send(site.url, checks=[[path, value]]).failure == failure


def test_what_is_no_json_has_no_values(send, site):
    site.body = b"<html>"

    assert send(site.url, checks=[[["a"], None]]).failure.startswith("The answer is no JSON: ")


def test_a_redirect_to_another_server_takes_no_secrets_along(send, site, other):
    site.location = f"{other.url}/there"

    told = send(site.url, headers=[("Authorization", "Bearer geheim"), ("X-Plain", "1")])

    assert told.outputs["Body"] == "other"
    [(_, path, headers, _)] = other.asked
    assert path == "/there"
    assert "Authorization" not in headers
    assert headers["X-Plain"] == "1"
    assert site.asked[0][2]["Authorization"] == "Bearer geheim"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_http_only(send, site, location):
    site.location = location

    assert "begins with http://" in send(site.url).failure


def test_a_hidden_answer_is_in_no_log(send, site):
    told = send(site.url, hide="True", checks=[[["status"], "bad"]])

    assert '"status"' not in told.log + told.verbose
    assert told.failure == '$.status is something else, where "bad" was expected.'
    assert told.sensitive == {"Body"}


def test_long_and_binary_answers(send, site):
    site.body = b"x" * 25_000
    long = send(site.url)
    site.body = b"\0\1"

    assert "... and 15,000 more characters" in long.log
    assert "(The answer is no text.)" in send(site.url).log


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/a did not answer: "),
        ("file:///etc/passwd", "The address has to be a whole one"),
        ("http://", "The address has to be a whole one"),
        ("http://[::1", "The address has to be a whole one"),
        ("http://user:geheim@127.0.0.1:1/", "http://127.0.0.1:1/ did not answer: "),
    ],
)
def test_what_cannot_be_reached_is_said(send, url, failure):
    told = send(url)

    assert told.failure.startswith(failure)
    assert "geheim" not in told.failure + told.log


def test_a_value_with_a_line_break_is_no_second_header(send, site):
    told = send(site.url, headers=[("X-Name", "a\r\nX-Evil: 1")])

    assert "did not answer: Invalid header value" in told.failure
    assert site.asked == []
