"""A PostgreSQL and a Redis of a test's own, to be stopped, killed and started again as it likes. Knows
nothing of Django, which has to find them when it starts."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from tests.harness.waiting import free_port, wait_for

_USER = "postgres"
_DATABASE = "octoworkers"
#: What the test's own connections are called, which are not cut with the others.
_OURS = "octoworkers-test"


class Postgres:
    """A cluster made by initdb in a folder of its own. PostgreSQL refuses to run as root: then it runs as
    the system's postgres user."""

    def __init__(self) -> None:
        # Not below a folder that only root may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="octoworkers-postgres-"))
        self._data = self._folder / "data"
        self.port = free_port()
        if os.geteuid() == 0:
            os.chown(self._folder, *_ids())
        self._run("initdb", "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_DATABASE}")

    @staticmethod
    def missing() -> str:
        """Why there can be none on this machine, or nothing."""
        if _binary("initdb") is None:
            return "PostgreSQL's initdb is not installed"
        if os.geteuid() == 0 and not _has_user():
            return "there is no user postgres for it to run as"
        return ""

    @property
    def url(self) -> str:
        """For servers."""
        return self._url(_DATABASE)

    @property
    def own_url(self) -> str:
        """For the test itself."""
        return f"{self.url}?application_name={_OURS}"

    def start(self) -> None:
        options = [f"-p {self.port}", f"-k {self._folder}", "-c listen_addresses=127.0.0.1"]
        # The machine does not crash, only PostgreSQL does: nothing is lost by this, and it is quick.
        options += ["-c max_connections=200", "-c fsync=off"]
        log = self._folder / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-o", " ".join(options), "-w", "start")

    def stop(self) -> None:
        """Like a crash: all connections break, nothing is rounded off."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def cut(self) -> int:
        """Ends every connection but the test's own; their number."""
        query = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name <> %s AND datname = %s"""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            return len(connection.execute(query, [_OURS, _DATABASE]).fetchall())

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _url(self, name: str) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str | Path) -> None:
        as_user = {} if os.geteuid() else {"user": _USER, "group": _ids()[1], "extra_groups": []}
        subprocess.run(
            [str(_binary(program)), *map(str, arguments)],
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_user,
        )


class Redis:
    """A redis-server that keeps nothing."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="octoworkers-redis-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @staticmethod
    def missing() -> str:
        return "" if shutil.which("redis-server") else "redis-server is not installed"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        wait_for(self._answers)

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        with suppress(redis.RedisError):
            return bool(redis.Redis.from_url(self.url).ping())
        return False


def _binary(program: str) -> Path | None:
    """Debian keeps the server's programs off the path."""
    found = shutil.which(program)
    if found:
        return Path(found)
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    return max(versions, key=lambda path: float(path.parts[-3]), default=None)


def _has_user() -> bool:
    with suppress(KeyError):
        return bool(_ids())
    return False


def _ids() -> tuple[int, int]:
    user = pwd.getpwnam(_USER)
    return user.pw_uid, user.pw_gid
