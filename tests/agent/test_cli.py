"""The command line: sentences and exit codes, never tracebacks."""

from __future__ import annotations

import functools
import getpass
import hashlib
import io
import json
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent import __version__, build
from agent.cli import main
from agent.config import BadServerUrl, Home, Registration, is_unprotected, server_url
from agent.enrolment import EnrolmentFailed, check_pin

KEY = "cd" * 32
PIN = hashlib.sha256(bytes.fromhex(KEY)).hexdigest().upper()


class Enroller(BaseHTTPRequestHandler):
    requests: list[tuple[str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append((self.path, body))
        if body["code"] == "GOOD":
            answer = {"agent_id": "a1", "name": body["name"], "server_key": KEY, "websocket": "/agent/ws/"}
            self._answer(200, answer)
        else:
            self._answer(403, {"error": {"code": "expired_code", "message": "This code has expired."}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def enroller() -> Iterator[ThreadingHTTPServer]:
    Enroller.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Enroller)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, tools: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    home.tools.write_bytes(tools.read_bytes())
    return home


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


Octoworker = Callable[..., Answer]


@pytest.fixture
def octoworker(monkeypatch, capsys) -> Octoworker:
    """`octoworker("status", stdin="...", NAME="value")`, in this process."""

    def call(*arguments: str, stdin: str = "", **environment: str) -> Answer:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        for name in environment:
            monkeypatch.delenv(name)
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def register(octoworker, home, enroller) -> Octoworker:
    server = f"http://127.0.0.1:{enroller.server_port}/octo"
    return functools.partial(octoworker, "--home", str(home.path), "register", "--server", server)


def test_registering_keeps_a_private_key_and_the_servers(home, enroller, register):
    answer = register("--name", "db-1", "--thumbprint", PIN, stdin="GOOD\n")

    assert (answer.returncode, answer.stdout.split(".")[0]) == (0, "Registered as db-1")
    path, body = Enroller.requests[0]
    assert path == "/octo/api/agents/enrol"
    assert set(body) == {"code", "name", "public_key", "agent_version", "capabilities", "boot_id"}
    assert len(bytes.fromhex(body["public_key"])) == 32
    assert stat.S_IMODE(home.key.stat().st_mode) == 0o600
    registration = Registration.load(home)
    assert registration.server_key == KEY
    assert registration.websocket_url == f"ws://127.0.0.1:{enroller.server_port}/octo/agent/ws/"


def test_code_comes_from_the_environment_or_a_file_and_never_from_the_arguments(tmp_path, register):
    assert register(OCTOWORKERS_CODE="GOOD").returncode == 0
    path = tmp_path / "code"
    path.write_text("GOOD\n")
    assert register("--force", "--code-file", str(path)).returncode == 0

    answer = register("--force", "--code", "GOOD")

    assert answer.returncode == 2
    assert "must not stand in the command line" in answer.stderr
    assert len(Enroller.requests) == 2


def test_refused_code_is_a_sentence_and_changes_nothing(home, register):
    answer = register(stdin="BAD")

    assert (answer.returncode, answer.stderr) == (4, "This code has expired.\n")
    assert not home.key.exists()
    assert not home.registration.exists()


def test_registration_is_not_overwritten_by_mistake(home, register):
    register(stdin="GOOD")
    key = home.key.read_bytes()

    answer = register(stdin="GOOD")

    assert answer.returncode == 4
    assert "--force" in answer.stderr
    assert home.key.read_bytes() == key


def test_failed_try_with_force_keeps_the_earlier_registration(home, register):
    register(stdin="GOOD")
    key = home.key.read_bytes()

    assert register("--force", stdin="BAD").returncode == 4

    assert home.key.read_bytes() == key
    assert Registration.load(home).agent_id == "a1"


def test_other_server_than_meant_is_refused(home, register):
    answer = register("--thumbprint", "00" * 32, stdin="GOOD")

    assert answer.returncode == 4
    assert PIN in answer.stderr
    assert not home.registration.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["register", "--server", "nonsense"], 2),
        (["register", "--server", "http://127.0.0.1:9"], 4),
        (["run"], 3),
        (["status"], 3),
        (["deregister"], 3),
        (["service", "install", "--dry-run"], 3),
        ([], 2),
        (["fly"], 2),
    ],
)
def test_what_cannot_be_done_has_an_exit_code(tmp_path, tools, arguments, code, octoworker):
    home = Home(tmp_path / "home")
    home.create()
    home.tools.write_bytes(tools.read_bytes())

    answer = octoworker("--home", str(home.path), *arguments, stdin="CODE\n")

    assert answer.returncode == code
    assert answer.stderr


def test_registering_without_a_code_says_where_to_get_one(register):
    answer = register()

    assert answer.returncode == 2
    assert "no enrolment code" in answer.stderr


def test_status_of_a_worker_that_does_not_run(home, register, octoworker):
    register("--name", "db-1", stdin="GOOD")

    answer = octoworker("status", "--home", str(home.path))

    assert answer.returncode == 1
    assert "db-1" in answer.stdout
    assert "not running" in answer.stdout


def test_leaving_while_offline_says_what_remains(home, enroller, register, octoworker):
    register("--name", "db-1", stdin="GOOD")
    enroller.shutdown()
    enroller.server_close()

    answer = octoworker("--home", str(home.path), "deregister")
    assert answer.returncode == 1
    assert "still lists the worker db-1" in answer.stderr
    assert home.key.exists()

    answer = octoworker("--home", str(home.path), "deregister", "--force")
    assert answer.returncode == 1
    assert not home.key.exists()


def test_service_unit_leaves_the_scripts_alone(home, register, octoworker):
    register(stdin="GOOD")

    answer = octoworker(
        "--home", str(home.path), "service", "install", "--user", getpass.getuser(), "--dry-run"
    )

    assert answer.returncode == 0
    assert "KillMode=process" in answer.stdout
    assert f"User={getpass.getuser()}" in answer.stdout
    assert f"--home {home.path} run" in answer.stdout
    answer = octoworker("--home", str(home.path), "service", "install", "--user", "nobody-here", "--dry-run")
    assert answer.returncode == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example/", "https://a.example"),
        (" http://a.example:8000/octo/ ", "http://a.example:8000/octo"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_server_url_is_made_plain(text, url):
    assert server_url(text) == url


@pytest.mark.parametrize(
    "text", ["a.example", "ftp://a", "https://", "https://u:p@a", "https://a/?x=1", "https://a/#x"]
)
def test_what_is_no_server_url_is_refused(text):
    with pytest.raises(BadServerUrl):
        server_url(text)


@pytest.mark.parametrize(
    ("url", "unprotected"),
    [
        ("http://a.example", True),
        ("https://a.example", False),
        ("http://127.0.0.1:1", False),
        ("http://[::1]", False),
    ],
)
def test_plain_http_is_known(url, unprotected):
    assert is_unprotected(url) == unprotected


@pytest.mark.parametrize(
    "pin", [PIN, PIN.lower(), ":".join(PIN[at : at + 2] for at in range(0, 64, 2)), None]
)
def test_pin_may_be_written_in_any_usual_form(pin):
    check_pin(KEY, pin)


@pytest.mark.parametrize(("key", "pin"), [(KEY, "00"), ("zz", None), ("cd", None)])
def test_wrong_pin_or_key_is_refused(key, pin):
    with pytest.raises(EnrolmentFailed):
        check_pin(key, pin)


def test_built_file_is_the_same_every_time_and_runs_by_itself(tmp_path, home, enroller):
    first, second = tmp_path / "a" / "octoworker.pyz", tmp_path / "b.pyz"

    version = build.build(first)

    assert build.build(second) == version
    assert version.startswith(f"{__version__}+")
    assert first.read_bytes() == second.read_bytes()
    command = [sys.executable, "-I", "-S", str(first)]
    answer = subprocess.run([*command, "version"], cwd="/", capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == (f"octoworker {__version__}\n", "")
    server = f"http://127.0.0.1:{enroller.server_port}"
    arguments = ["--home", str(home.path), "register", "--server", server]
    answer = subprocess.run(
        [*command, *arguments], cwd="/", input="GOOD\n", capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_built_file_holds_no_compiled_or_server_parts(tmp_path):
    build.build(tmp_path / "octoworker.pyz")

    names = zipfile.ZipFile(tmp_path / "octoworker.pyz").namelist()
    assert "agent/shim.py" in names
    assert "websockets/asyncio/client.py" in names
    assert "licences/websockets/LICENSE" in names
    assert not [
        name for name in names if name.endswith((".so", ".pyc")) or "server.py" in name or "build.py" in name
    ]
