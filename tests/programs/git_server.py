"""A real Git repository, over HTTP and with a password if wanted, served by Git's own program."""

from __future__ import annotations

import base64
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Repository:
    """A bare repository with one commit on `main`; `commit` adds to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "team" / "scripts.git"
        self._work = folder / "clone"
        self.path.mkdir(parents=True)
        git(self.path, "init", "-q", "--bare", "-b", "main", ".")
        git(folder, "clone", "-q", str(self.path), str(self._work))
        git(self._work, "checkout", "-q", "-b", "main")

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def commit(self, files: dict[str, str], *, branch: str = "main", tag: str = "") -> str:
        """The hash of the new commit."""
        git(self._work, "checkout", "-q", "-B", branch)
        for name, content in files.items():
            (self._work / name).parent.mkdir(parents=True, exist_ok=True)
            (self._work / name).write_text(content)
        git(self._work, "add", ".")
        git(self._work, "commit", "-q", "-m", f"Change {', '.join(files)}")
        if tag:
            git(self._work, "tag", "-a", tag, "-m", tag)
        git(self._work, "push", "-q", "--tags", "origin", branch)
        return git(self._work, "rev-parse", "HEAD")


@contextmanager
def served(repository: Repository, *, login: str = "") -> Iterator[str]:
    """The address; `login` is "user:password"."""
    expected = f"Basic {base64.b64encode(login.encode()).decode()}"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            if login and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                env={
                    **os.environ,
                    "GIT_PROJECT_ROOT": str(repository.path.parent.parent),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                },
                capture_output=True,
                check=True,
            )
            self.reply(done.stdout)

        def reply(self, answer: bytes) -> None:
            head, _, content = answer.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/team/scripts.git"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
