"""The object storage as files, and as a bucket behind a server that speaks as much S3 as is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from environ import FileAwareEnv

from common import objects
from octoworkers.storage import object_storage

CONTENT = bytes(range(256)) * 20_000


class Bucket(BaseHTTPRequestHandler):
    """PUT, GET with a range, HEAD and DELETE of objects, kept in memory."""

    objects: dict[str, bytes]

    def do_PUT(self) -> None:
        length = int(self.headers.get("x-amz-decoded-content-length") or self.headers["Content-Length"])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _unchunked(body)
        assert len(body) == length
        self.objects[self.path] = body
        self._answer(200)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = self.objects.get(self.path.partition("?")[0])
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>No.</Message></Error>")
        elif wanted := self.headers.get("Range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            self._answer(206, body[int(first) : int(last) + 1])
        else:
            self._answer(200, body)

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        parts.append(body[:size])
        body = body[size + 2 :]
    return b"".join(parts)


@pytest.fixture
def bucket() -> Iterator[ThreadingHTTPServer]:
    handler = type("OneBucket", (Bucket,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["files", "bucket"])
def storage(request, settings, tmp_path: Path, monkeypatch) -> None:
    """The default storage of Django, of each kind."""
    environment = {}
    if request.param == "bucket":
        pytest.importorskip("storages", reason="django-storages[s3] is not installed; make test has it")
        server = request.getfixturevalue("bucket")
        environment = {
            "OCTOWORKERS_S3_BUCKET": "logs",
            "OCTOWORKERS_S3_PREFIX": "mine",
            "OCTOWORKERS_S3_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "OCTOWORKERS_S3_REGION": "nowhere",
            "OCTOWORKERS_S3_ACCESS_KEY": "me",
            "OCTOWORKERS_S3_SECRET_KEY": "secret",
        }
    monkeypatch.setattr(FileAwareEnv, "ENVIRON", environment)
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {**settings.STORAGES, "default": object_storage(FileAwareEnv())}
    assert storages["default"]


def put(name: str, content: bytes) -> int:
    with objects.incoming(name) as file:
        file.write(content)
        return objects.put(name, file)


def test_an_object_is_read_by_range_and_as_a_whole(storage):
    size = put("logs/ab/one", CONTENT)

    assert size == len(CONTENT)
    assert objects.read("logs/ab/one", 1000, 5) == CONTENT[1000:1005]
    assert objects.read("logs/ab/one", size - 3, 10) == CONTENT[-3:]
    assert b"".join(objects.blocks("logs/ab/one", size)) == CONTENT
    assert b"".join(objects.blocks("logs/ab/one", size, 77)) == CONTENT[77:]


def test_what_is_put_again_takes_the_place_of_what_was_there(storage):
    put("logs/ab/one", b"old and longer")
    put("logs/ab/one", b"new")

    assert objects.read("logs/ab/one", 0, 100) == b"new"


def test_what_is_gone_says_so(storage):
    put("logs/ab/one", b"x")
    objects.delete("logs/ab/one")
    objects.delete("logs/ab/one")

    with pytest.raises(objects.ObjectGone):
        objects.read("logs/ab/one", 0, 10)
    put("logs/ab/two", b"short")
    with pytest.raises(objects.ObjectGone):
        list(objects.blocks("logs/ab/two", 10))


def test_nothing_half_made_stays(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path

    with suppress(ZeroDivisionError), objects.incoming("a/b") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    put("a/b", b"whole")

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        "a/b"
    ]
    assert (tmp_path / "a/b").stat().st_nlink == 1


def test_a_bucket_without_its_client_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr("octoworkers.storage.find_spec", lambda name: None)
    monkeypatch.setattr(FileAwareEnv, "ENVIRON", {"OCTOWORKERS_S3_BUCKET": "logs"})

    with pytest.raises(ImproperlyConfigured, match="pip install"):
        object_storage(FileAwareEnv())
