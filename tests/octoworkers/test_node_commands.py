"""What keeps a node from starting where it would be alone, or one too many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from octoworkers.launcher import lock
from octoworkers.launcher.refusal import CannotStart
from tests.octoworkers.test_launch import ROOT, assert_one_sentence, launch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    done = launch(home, module="manage migrate -v0")
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("engine", "A node with the engine alone works together with other nodes"),
        ("serve --no-engine", "A node without an engine works together with other nodes"),
    ],
)
def test_half_a_node_on_sqlite_is_refused(home: Path, command: str, sentence: str) -> None:
    done = launch(home, module=f"octoworkers.cli {command}")

    assert_one_sentence(done, sentence, "a PostgreSQL in DATABASE_URL and a Redis in REDIS_URL")


def test_a_second_server_on_one_sqlite_file_is_refused(home: Path) -> None:
    database = home / "octoworkers.sqlite3"
    held = lock.take_database(database)

    done = launch(home, module="octoworkers.cli serve --port 0")

    held.close()
    assert_one_sentence(done, f"uses {database} already", "PostgreSQL in DATABASE_URL")


def test_the_file_is_free_once_the_server_is_killed(tmp_path: Path) -> None:
    database = tmp_path / "ops.sqlite3"
    code = (
        "import sys, time; from pathlib import Path; from octoworkers.launcher import lock\n"
        f"held = lock.take_database(Path({str(database)!r})); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "held\n"
        with pytest.raises(CannotStart, match=f"process {server.pid}"):
            lock.take_database(database)
        server.kill()

    lock.take_database(database).close()
