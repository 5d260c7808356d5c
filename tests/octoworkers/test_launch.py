from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from octoworkers import cli
from octoworkers.launcher import lock, options, prepare
from octoworkers.launcher.children import Child, Ended
from octoworkers.launcher.refusal import CannotStart
from octoworkers.launcher.supervisor import without_server_settings

ROOT = Path(__file__).parent.parent.parent


def launch(
    home: Path, *, module: str = "octoworkers.launch", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command that is expected to refuse."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_"))}
    settings = {"OCTOWORKERS_HOME": str(home), "DJANGO_SETTINGS_MODULE": "octoworkers.settings"}
    return subprocess.run(
        [sys.executable, "-m", *module.split()],
        cwd=ROOT,
        env={**mine, **settings, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def assert_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert [word for word in words if word not in lines[0]] == []


def test_a_taken_port_gets_a_sentence(tmp_path: Path, taken_port: int) -> None:
    done = launch(tmp_path, PORT=str(taken_port))

    assert_one_sentence(done, f"Port {taken_port} is taken", f"PORT={taken_port + 1}")


def test_a_database_that_does_not_answer_gets_a_sentence(tmp_path: Path, closed_port: int) -> None:
    secret = "hunter2secret"
    done = launch(
        tmp_path, PORT="18999", DATABASE_URL=f"postgresql://me:{secret}@127.0.0.1:{closed_port}/ops"
    )

    assert_one_sentence(done, "The database ops on 127.0.0.1 does not answer")
    assert secret not in done.stderr


def test_a_redis_that_does_not_answer_gets_a_sentence(tmp_path: Path, closed_port: int) -> None:
    done = launch(tmp_path, PORT="18999", REDIS_URL=f"redis://:hunter2secret@127.0.0.1:{closed_port}/0")

    assert_one_sentence(done, f"The Redis 127.0.0.1:{closed_port} does not answer")
    assert "hunter2secret" not in done.stderr


def test_serve_refuses_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    assert_one_sentence(launch(tmp_path, module="octoworkers.cli serve"), "octoworkers migrate")


def test_migrate_makes_an_administrator_once(tmp_path: Path) -> None:
    first, again = (launch(tmp_path, module="octoworkers.cli migrate") for _ in range(2))

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert "user      admin" in first.stdout
    assert "password" not in again.stdout


def test_unsafe_production_settings_are_listed_without_a_traceback(tmp_path: Path) -> None:
    done = launch(tmp_path, OCTOWORKERS_PRODUCTION="true")

    assert done.returncode == 1
    assert "Not started in production mode" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["0", "65536", "web", "-1", "٣"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(CannotStart, match="is not a port"):
        options.from_environment({"PORT": port}, home=Path())


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match="set HOST"):
        options.listen("not a host", 18999)


def test_loopback_is_the_default_and_is_printed_as_localhost() -> None:
    chosen = options.from_environment({}, home=Path())

    assert (chosen.host, chosen.url) == ("127.0.0.1", "http://localhost:8000")
    assert chosen.local_url == "http://127.0.0.1:8000"


def test_a_server_for_all_addresses_answers_to_the_names_of_this_machine() -> None:
    assert socket.gethostname() in options.allowed_hosts("0.0.0.0")
    assert "*" not in options.allowed_hosts("0.0.0.0")
    assert options.from_environment({"HOST": "::"}, home=Path()).local_url == "http://[::1]:8000"


def test_one_launcher_per_folder(tmp_path: Path) -> None:
    held = lock.take(tmp_path)

    with pytest.raises(CannotStart, match=f"as process {os.getpid()}"):
        lock.take(tmp_path)

    held.close()
    lock.take(tmp_path).close()


def test_passwords_are_long_and_differ() -> None:
    first, second = prepare.generated_password(), prepare.generated_password()

    assert first != second
    assert len(first.replace("-", "")) == 20


def test_a_child_that_is_killed_is_reported(tmp_path: Path) -> None:
    ended: queue.SimpleQueue[object] = queue.SimpleQueue()
    child = Child(name="sleeper", command=["sleep", "60"], environment=os.environ, ended=ended)
    child.start()

    child.terminate()
    event = ended.get(timeout=10)

    assert isinstance(event, Ended)
    assert (event.child, event.code) == (child, -15)
    assert not child.is_running


def test_agents_do_not_learn_the_secrets_of_the_server() -> None:
    given = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://me:secret@db/ops",
        "OCTOWORKERS_SECRET_KEY": "secret",
    }

    assert without_server_settings(given) == {"PATH": "/bin"}


def test_the_command_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert "Octoworkers " in capsys.readouterr().out
