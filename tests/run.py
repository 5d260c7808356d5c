"""Runs every test that this machine can run, and says what it left out and why.

    python -m tests.run            everything
    python -m tests.run browser    the browser tests alone

With OCTOWORKERS_REQUIRE_ALL set, something left out is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import psycopg.sql
import redis

from tests.chaos import own_services
from tests.harness.extent import FULL

POSTGRES = "postgresql://postgres@127.0.0.1:5432/octoworkers"
REDIS = "redis://127.0.0.1:6379/9"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Do not depend on the server's database, so the second round leaves them out.
PURE = (
    "domain",
    "protocol",
    "agent",
    "octo",
    "programs",
    "architecture",
    "octoworkers/test_backup_commands.py",
    "octoworkers/test_conf.py",
    "octoworkers/test_demo.py",
    "octoworkers/test_launch.py",
    "octoworkers/test_settings.py",
)
#: Undoes pyproject's exclusion of what has to run in a process of its own.
ALONE = ("-o", "addopts=--strict-markers -ra")
#: Those chaos tests that crash PostgreSQL and Redis, and the others.
ON_A_CLUSTER = ("tests/chaos/test_outages.py", "tests/chaos/test_storm.py")
ON_ONE_SERVER = ("tests/chaos", *(f"--ignore={name}" for name in ON_A_CLUSTER))
#: Octopus Deploy's own client, an npm package, against a running server.
CLIENT = Path("tests/contract/client")
#: Parts of the other tests, which run at length with the chaos tests.
MACHINES = (
    "tests/domain/test_run_machine.py",
    "tests/protocol/test_machine.py",
    "tests/protocol/test_attempt_machine.py",
)


@dataclass(frozen=True)
class Part:
    """`missing` says why this machine cannot run it, or nothing."""

    name: str
    arguments: list[str]
    missing: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None


def why_no_client() -> str:
    if not shutil.which("node"):
        return "no node is installed"
    return "" if (CLIENT / "node_modules").is_dir() else f"{CLIENT} lacks its packages: run npm ci there"


def chromium() -> str:
    wanted = os.environ.get("OCTOWORKERS_CHROMIUM")
    return wanted or next(filter(None, map(shutil.which, BROWSERS)), "")


def why_no_postgres(url: str) -> str:
    return _why_not(lambda: _postgres(url).close(), "PostgreSQL", url)


def _postgres(url: str) -> psycopg.Connection[Any]:
    """The server's own database, from which others are made."""
    return psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True, connect_timeout=3)


def make_database(url: str) -> None:
    """An empty database of this name, whatever was in it."""
    name = psycopg.sql.Identifier(url.rpartition("/")[2])
    with _postgres(url) as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(name))


def why_no_redis(url: str) -> str:
    return _why_not(lambda: redis.Redis.from_url(url, socket_connect_timeout=3).ping(), "Redis", url)


def _why_not(attempt: Callable[[], object], name: str, url: str) -> str:
    try:
        attempt()
    except Exception as error:
        return f"no {name} answers at {url.rpartition('@')[2]} ({type(error).__name__})"
    return ""


def parts() -> list[Part]:
    postgres = os.environ.get("OCTOWORKERS_TEST_DATABASE_URL", POSTGRES)
    redis_url = os.environ.get("OCTOWORKERS_TEST_REDIS_URL", REDIS)
    browser = chromium()
    no_postgres, no_redis = why_no_postgres(postgres), why_no_redis(redis_url)
    servers = {} if no_postgres else {"OCTOWORKERS_TEST_DATABASE_URL": postgres}
    journeys = f"{postgres}_journeys"
    return [
        Part("tests on SQLite", ["-n", "2"], environment=servers),
        Part(
            "tests on PostgreSQL",
            ["-n", "2", *(f"--ignore=tests/{name}" for name in PURE)],
            missing=no_postgres,
            environment={**servers, "DATABASE_URL": postgres},
        ),
        Part("journeys on SQLite", [*ALONE, "tests/journeys"]),
        Part(
            "journeys on PostgreSQL and Redis",
            [*ALONE, "tests/journeys"],
            missing=no_postgres or no_redis,
            environment={"DATABASE_URL": journeys, "REDIS_URL": redis_url},
            prepare=lambda: make_database(journeys),
        ),
        *chaos(),
        Part(
            "contract with Octopus Deploy's own client",
            [*ALONE, str(CLIENT)],
            missing=why_no_client(),
        ),
        Part(
            "browser tests",
            [*ALONE, "tests/browser"],
            missing="" if browser else "no Chromium is installed; OCTOWORKERS_CHROMIUM may name one",
            environment={"OCTOWORKERS_CHROMIUM": browser},
        ),
    ]


def chaos() -> list[Part]:
    """A modest size, which takes minutes, unless OCTOWORKERS_CHAOS=full asks for everything."""
    own = ["-p", "tests.chaos.own_services"]
    missing = own_services.why_not()
    found = [
        Part("chaos on SQLite", [*ALONE, *ON_ONE_SERVER]),
        Part("chaos on PostgreSQL and Redis", [*ALONE, *own, *ON_A_CLUSTER], missing=missing),
    ]
    if FULL:
        one = "chaos of one node on PostgreSQL and Redis"
        found.append(Part(one, [*ALONE, *own, *ON_ONE_SERVER], missing=missing))
        found.append(Part("chaos of the pure rules", list(MACHINES)))
    return found


def run(part: Part) -> str:
    """Runs a part; returns pytest's last line, with `failed` in front where it failed."""
    print(f"\n=== {part.name}", flush=True)
    if part.prepare:
        part.prepare()
    environment = {**os.environ, **part.environment}
    command = [sys.executable, "-m", "pytest", "-q", *part.arguments]
    last = ""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line.strip() or last
    return last.strip("= ") if process.returncode == 0 else f"FAILED ({last.strip('= ')})"


def main(chosen: list[str]) -> int:
    started = time.monotonic()
    wanted = [part for part in parts() if not chosen or any(word in part.name for word in chosen)]
    results = {part.name: run(part) for part in wanted if not part.missing}
    left_out = [part for part in wanted if part.missing]
    failed = [name for name, result in results.items() if result.startswith("FAILED")]

    print("\n=== Summary")
    for name, result in results.items():
        print(f"{name}: {result}")
    for part in left_out:
        print(f"{part.name}: LEFT OUT, because {part.missing}")
    required = bool(os.environ.get("OCTOWORKERS_REQUIRE_ALL")) and left_out
    what = "failed" if failed else "incomplete, and OCTOWORKERS_REQUIRE_ALL is set" if required else "passed"
    extent = f"{len(left_out)} of {len(wanted)} parts left out" if left_out else "nothing left out"
    print(f"Tests {what}; {extent}; {time.monotonic() - started:.0f} s.")
    return 1 if failed or required else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
