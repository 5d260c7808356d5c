"""An upgrade keeps what waits and what runs: a database that version 0.1.0 left behind is taken over.

`data/v0.1.0.*.sql.gz` are dumps of a real one, made while its server was away: run 1 has its first step
running on a worker with one slot, run 2 waits for that slot, and run 3 is queued behind run 1. Each step
writes the number of its run into a file under /upgrade-proof, where the running one waits for a file `go`.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import keys
from agent.config import Home, Registration
from agent.host import boot_id
from agent.jobs import Job, framed
from agent.zygote import FORK
from octoworkers.conf import load_keys
from protocol.handshake import thumbprint
from tests.harness.installation import ROOT, free_port, wait_for
from tests.run import make_database

DATA = Path(__file__).parent / "data"
POSTGRES = os.environ.get("DATABASE_URL", "")
SCRIPT_PLACE = "/upgrade-proof"
RUNNING_SCRIPT = """echo "$OCTOWORKERS_TASK_ID" >> {0}/ran
while [ ! -e {0}/go ]; do sleep 0.05; done
echo done
"""


class Old:
    """The database and the agent's folder of version 0.1.0, and the processes of this version on them."""

    def __init__(self, folder: Path) -> None:
        self.proof = folder / "proof"
        self.proof.mkdir()
        self.home = folder / "home"
        self.port = free_port()
        self.database = f"{POSTGRES}_upgrade" if POSTGRES else f"sqlite:///{self.home}/octoworkers.sqlite3"
        self.agent = Home(folder / "agent")
        self.processes: list[subprocess.Popen[bytes]] = []
        server_key = load_keys(self.home / "keys.json").server_key
        self._load()
        self._pair(Ed25519PrivateKey.from_private_bytes(server_key).public_key().public_bytes_raw())

    def _load(self) -> None:
        name = "v0.1.0.postgresql.sql.gz" if POSTGRES else "v0.1.0.sqlite.sql.gz"
        text = gzip.decompress((DATA / name).read_bytes()).decode()
        text = text.replace(SCRIPT_PLACE, str(self.proof))
        if POSTGRES:
            make_database(self.database)
            with psycopg.connect(self.database) as connection:
                connection.execute(text.encode())
        else:
            with closing(sqlite3.connect(self.home / "octoworkers.sqlite3")) as connection:
                connection.executescript(text)

    def _pair(self, server_key: bytes) -> None:
        """The agent of this test takes the place of the one that the database knows."""
        self.agent.create()
        public = keys.create(self.agent.key).public
        key, mark = public.hex(), thumbprint(public)
        self.write(f"UPDATE workers_machine SET public_key = '{key}', thumbprint = '{mark}'")  # noqa: S608
        [[agent_id]] = self.read("SELECT agent_id FROM workers_machine")
        Registration(
            server=f"http://127.0.0.1:{self.port}",
            agent_id=_uuid(agent_id),
            name="sql-dev-01",
            server_key=server_key.hex(),
            websocket="/agent/ws/",
        ).save(self.agent)

    def start_the_script_that_runs(self) -> str:
        """As the old agent left it: a journal, and a shim that owns the script. Gives the attempt's id."""
        [[attempt]] = self.read("SELECT id FROM tasks_attempt")
        attempt_id = _uuid(attempt)
        folder = self.agent.attempts / attempt_id
        folder.mkdir(mode=0o700)
        journal = {
            "attempt_id": attempt_id,
            "epoch": 1,
            "task_id": 1,
            "step": "Step 1",
            "phase": "starting",
            "boot_id": boot_id(),
            "time": time.time(),
        }
        (folder / "journal.json").write_text(json.dumps(journal))
        job = Job(
            home=str(self.agent.path),
            folder=str(folder),
            attempt_id=attempt_id,
            syntax="Bash",
            script=RUNNING_SCRIPT.format(self.proof),
            variables={},
            environment={"OCTOWORKERS_TASK_ID": "1"},
            secrets=[],
            spool_bytes=1_000_000,
            abandon_seconds=120,
        )
        self._start_shim(job)
        return attempt_id

    def _start_shim(self, job: Job) -> None:
        """By a zygote that then goes, as its agent did."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-m", "agent", "zygote", str(theirs.fileno())]
            zygote = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
            ours.sendall(FORK)
            _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
            with socket.socket(fileno=descriptor) as shim:
                shim.sendall(framed(job.encode()))
                wait_for(lambda: self.ran() == ["1"])
        zygote.wait(20)

    def start_new_version(self) -> None:
        self._run("-m", "octoworkers.cli", "manage", "migrate", "--verbosity=0").wait(60)
        self._run("-m", "octoworkers.cli", "serve", "--port", str(self.port))
        self._run("-m", "agent", "--home", str(self.agent.path), "run")

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        mine = {"OCTOWORKERS_HOME": str(self.home), "DATABASE_URL": self.database}
        environment = {**os.environ, **mine, "DJANGO_SETTINGS_MODULE": "octoworkers.settings"}
        log = (self.home / "log").open("ab")
        process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        (self.proof / "go").touch()  # whatever still waits for it
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)

    def log(self) -> str:
        """What server and agent say."""
        return (self.home / "log").read_text()

    def ran(self) -> list[str]:
        """The numbers of the runs whose steps have started, each as often as one did."""
        return (self.proof / "ran").read_text().split() if (self.proof / "ran").exists() else []

    def states(self) -> list[str]:
        return [state for (state,) in self.read("SELECT state FROM tasks_servertask ORDER BY id")]

    def read(self, query: str) -> list[Any]:
        with closing(self._connect()) as connection:
            return connection.execute(query).fetchall()

    def write(self, statement: str) -> None:
        with closing(self._connect()) as connection:
            connection.execute(statement)
            connection.commit()

    def _connect(self) -> Any:
        return psycopg.connect(self.database) if POSTGRES else sqlite3.connect(self.database[10:], timeout=20)


def _uuid(value: Any) -> str:
    text = str(value).replace("-", "")
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    old = Old(tmp_path)
    yield old
    old.stop()


def test_an_upgrade_keeps_what_runs_what_waits_and_what_is_queued(old: Old) -> None:
    attempt = old.start_the_script_that_runs()

    old.start_new_version()

    wait_for(lambda: "Connected to" in old.log())
    assert old.read("SELECT state FROM tasks_attempt") == [("Running",)]
    assert old.states() == ["Executing", "Executing", "Queued"]
    assert old.ran() == ["1"]

    (old.proof / "go").touch()
    wait_for(lambda: old.states() == ["Success"] * 3, seconds=60)
    assert sorted(old.ran()) == ["1", "2", "3"], "a step ran more or less than once"
    assert (old.proof / "second").read_text().split() == ["1", "3"]
    first = old.read("SELECT id FROM tasks_attempt WHERE execution_id = 1")
    assert [_uuid(id) for (id,) in first] == [attempt]
    [(lines, digest)] = old.read("SELECT log_lines, log_sha256 FROM tasks_attempt WHERE execution_id = 1")
    assert lines == 1
    assert digest
