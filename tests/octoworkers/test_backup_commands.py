"""`octoworkers backup` and `octoworkers restore`, as processes on homes and databases of their own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from octoworkers.launcher import lock
from tests.run import make_database

ROOT = Path(__file__).parent.parent.parent


class Place:
    """A home and a database, on which the command line runs as processes of their own."""

    def __init__(self, home: Path, database: str = "") -> None:
        self.home = home
        self.database = database or f"sqlite:///{home}/octoworkers.sqlite3"

    def run(self, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        mine = {"OCTOWORKERS_HOME": str(self.home), "DATABASE_URL": self.database}
        others = {name: value for name, value in os.environ.items() if not name.startswith("REDIS_")}
        settings = {"DJANGO_SETTINGS_MODULE": "octoworkers.settings"}
        return subprocess.run(
            [sys.executable, "-m", "octoworkers.cli", *map(str, words)],
            cwd=ROOT,
            env={**others, **mine, **settings, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def done(self, *words: object) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: object, **variables: str) -> str:
        done = self.run(*words, **variables)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr.strip()

    def connect(self) -> Any:
        if self.database.startswith("sqlite"):
            return sqlite3.connect(self.database.removeprefix("sqlite:///"), timeout=20)
        return psycopg.connect(self.database)

    def sql(self, statement: str) -> list[Any]:
        with closing(self.connect()) as connection:
            cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
            return rows

    def names(self) -> list[str]:
        return [name for (name,) in self.sql("SELECT name FROM spaces_space ORDER BY id")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, whose database is empty but migrated, and a backup of it."""
    folder = tmp_path_factory.mktemp("installed")
    place = Place(folder / "home")
    place.done("manage", "migrate", "--verbosity=0")
    add_space(place, "Default")
    (place.home / "media").mkdir()
    (place.home / "media/report.txt").write_text("kept")
    assert "keys of this installation" in place.done("backup", folder / "backup.tar.gz")
    return folder


def add_space(place: Place, name: str) -> None:
    now = datetime.now(tz=UTC)
    place.sql(
        "INSERT INTO spaces_space (name, slug, description, is_default, created_at, updated_at) "  # noqa: S608
        f"VALUES ('{name}', '{name.lower()}', '', false, '{now}', '{now}')"
    )


@pytest.fixture
def place(installed: Path, tmp_path: Path) -> Place:
    shutil.copytree(installed / "home", tmp_path / "home")
    return Place(tmp_path / "home")


@pytest.fixture
def file(installed: Path, tmp_path: Path) -> Path:
    """A backup of `place`."""
    return Path(shutil.copy2(installed / "backup.tar.gz", tmp_path))


def test_a_backup_brings_back_database_files_and_keys(place: Place, file: Path, tmp_path: Path) -> None:
    other = Place(tmp_path / "other")

    said = other.done("restore", file)

    assert "Everything is paused" in said
    assert other.names() == ["Default"]
    assert (other.home / "media/report.txt").read_text() == "kept"
    assert (other.home / "keys.json").read_bytes() == (place.home / "keys.json").read_bytes()
    assert (other.home / "keys.json").stat().st_mode & 0o777 == 0o600


def test_replacing_keeps_what_was_there(place: Place, file: Path) -> None:
    add_space(place, "Later")
    (place.home / "media/later.txt").write_text("later")

    assert "--replace" in place.refused("restore", file)
    assert place.names() == ["Default", "Later"]

    place.done("restore", "--replace", file)
    assert place.names() == ["Default"]
    assert [path.name for path in (place.home / "media").iterdir()] == ["report.txt"]

    [kept] = place.home.glob("octoworkers-before-restore-*.tar.gz")
    place.done("restore", "--replace", kept)
    assert place.names() == ["Default", "Later"]
    assert (place.home / "media/later.txt").read_text() == "later"


def test_a_backup_of_a_database_in_use_is_of_one_moment(place: Place, tmp_path: Path) -> None:
    """A writer moves a mark from one row to the other all the time: there is always exactly one."""
    add_space(place, "Other")
    place.sql("UPDATE spaces_space SET description = 'x' WHERE id = 1")
    stop = threading.Event()

    def write() -> None:
        with closing(place.connect()) as connection:
            while not stop.is_set():
                flip = "CASE description WHEN 'x' THEN '' ELSE 'x' END"
                connection.execute(f"UPDATE spaces_space SET description = {flip}")  # noqa: S608
                connection.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        place.done("backup", tmp_path / "backup.tar.gz")
    finally:
        stop.set()
        writer.join()
    other = Place(tmp_path / "other")
    other.done("restore", tmp_path / "backup.tar.gz")
    assert sorted(row[0] for row in other.sql("SELECT description FROM spaces_space")) == ["", "x"]


def test_a_running_server_is_not_pulled_away_from_under_itself(place: Place, file: Path) -> None:
    with closing(place.connect()) as server:
        server.execute("SELECT count(*) FROM spaces_space").fetchall()
        assert "is in use" in place.refused("restore", "--replace", file)
    with closing(lock.take(place.home)):
        assert f"as process {os.getpid()}" in place.refused("restore", "--replace", file)
    now = datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    place.sql(
        "INSERT INTO tasks_node (name, version, address, runs_engine, serves_web, started_at,"  # noqa: S608
        " last_seen_at, task_cap, is_draining, drain_reason, keys_thumbprint) "
        f"VALUES ('a', '', '', true, true, '{now}', '{now}', 1, false, '', '')"
    )
    assert "The node a runs" in place.refused("restore", "--replace", file)
    assert not list(place.home.glob("*before-restore*"))


def test_a_damaged_backup_changes_nothing(place: Place, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])

    assert "Nothing was changed" in place.refused("restore", "--replace", file)
    assert "cannot be restored" in place.refused("restore", "--check", file)
    assert place.names() == ["Default"]
    assert not [path for path in place.home.iterdir() if path.name.startswith(".restore")]


def test_a_backup_of_a_newer_version_is_refused(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    place.sql(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('tasks', '9999_future', '2030-01-01')"
    )
    place.done("backup", file)

    said = Place(tmp_path / "other").refused("restore", file)

    assert "newer version" in said
    assert "tasks.9999_future" in said


def test_an_older_version_does_not_start_on_a_newer_database(place: Place) -> None:
    place.sql(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('tasks', '9999_future', '2030-01-01')"
    )

    assert "that of a newer version" in place.refused("serve", "--port", "18998")


def test_a_backup_without_keys_needs_the_same_keys(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    place.done("backup", "--without-keys", file)
    with tarfile.open(file) as tar:
        assert "keys.json" not in tar.getnames()
    other = Place(tmp_path / "other")

    assert "other keys" in other.refused("restore", file)

    shutil.copy2(place.home / "keys.json", other.home / "keys.json")
    other.done("restore", file)
    assert other.names() == ["Default"]


def test_no_server_starts_on_half_of_an_installation(place: Place) -> None:
    (place.home / "restoring").write_text("1")

    assert "was broken off" in place.refused("serve", "--port", "18998")


def test_a_backup_is_not_written_over_another(place: Place, file: Path) -> None:
    file.write_text("the only copy")

    assert "is there already" in place.refused("backup", file)
    assert file.read_text() == "the only copy"


def test_in_a_folder_a_backup_is_named_by_its_time(place: Place, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()

    place.done("backup", tmp_path / "backups")

    [file] = (tmp_path / "backups").iterdir()
    assert file.name.startswith("octoworkers-20")
    assert "is whole" in place.done("restore", "--check", file)


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(postgres_url: str, installed: Path) -> Iterator[str]:
    """The address of a migrated database; a backup of it is beside the other one."""
    url = f"{postgres_url}_backup_{os.getpid()}"
    make_database(url)
    place = Place(installed / "home", url)
    place.done("manage", "migrate", "--verbosity=0")
    add_space(place, "Default")
    place.done("backup", installed / "postgres.tar.gz")
    yield url
    on_server(url, f'DROP DATABASE "{database_name(url)}" WITH (FORCE)')


@pytest.fixture
def postgres(template: str, place: Place) -> Iterator[Place]:
    """The same home on a PostgreSQL."""
    found = Place(place.home, f"{template}_copy")
    name = database_name(found.database)
    on_server(template, f'CREATE DATABASE "{name}" TEMPLATE "{database_name(template)}"')
    yield found
    on_server(template, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def dump(template: str, installed: Path) -> Path:
    """A backup of `postgres`."""
    return installed / "postgres.tar.gz"


def database_name(url: str) -> str:
    return url.rpartition("/")[2]


def on_server(url: str, statement: str) -> None:
    with psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.postgres
def test_a_postgres_database_is_replaced_as_a_whole(postgres: Place, dump: Path) -> None:
    add_space(postgres, "Later")
    # What a newer version might have left behind.
    postgres.sql("CREATE TABLE stray (id serial, space_id bigint REFERENCES spaces_space)")
    postgres.sql("CREATE TYPE mood AS ENUM ('calm')")
    postgres.sql("CREATE FUNCTION stray() RETURNS mood LANGUAGE sql AS 'SELECT ''calm''::mood'")

    assert "--replace" in postgres.refused("restore", dump)
    with closing(postgres.connect()):
        assert "in use by 1 other" in postgres.refused("restore", "--replace", dump)
    assert postgres.names() == ["Default", "Later"]

    postgres.done("restore", "--replace", dump)

    assert postgres.names() == ["Default"]
    assert postgres.sql("SELECT count(*) FROM tasks_pause") == [(1,)]
    assert postgres.sql("SELECT to_regclass('stray'), to_regtype('mood')") == [(None, None)]
    assert postgres.sql("SELECT to_regclass('octoworkers_restoring')") == [(None,)]
    [kept] = postgres.home.glob("octoworkers-before-restore-*.tar.gz")
    postgres.done("restore", "--replace", kept)
    assert postgres.names() == ["Default", "Later"]


@pytest.mark.postgres
def test_a_restore_that_fails_leaves_the_postgres_database_as_it_was(
    postgres: Place, dump: Path, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    # Reads half of the dump and fails, as on a full disk.
    real = shutil.which("pg_restore")
    (programs / "pg_restore").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {real} "$@"\n{real} "$@" | head -c 20000\nexit 1\n'
    )
    (programs / "pg_restore").chmod(0o755)
    add_space(postgres, "Later")

    said = postgres.refused("restore", "--replace", dump, PATH=f"{programs}:{os.environ['PATH']}")

    assert "It is as it was before" in said
    assert postgres.names() == ["Default", "Later"]
    assert postgres.sql("SELECT to_regclass('octoworkers_restoring')") == [(None,)]
    assert not (postgres.home / "restoring").exists()


@pytest.mark.postgres
def test_client_programs_that_are_missing_or_too_old_are_named(postgres: Place, tmp_path: Path) -> None:
    file, programs = tmp_path / "backup.tar.gz", tmp_path / "programs"
    programs.mkdir()

    assert "postgresql-client" in postgres.refused("backup", file, PATH=str(programs))

    (programs / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    (programs / "pg_dump").chmod(0o755)
    said = postgres.refused("backup", file, PATH=f"{programs}:{os.environ['PATH']}")
    assert "pg_dump has version 9.6.24" in said
    assert not file.exists()


@pytest.mark.postgres
def test_a_backup_of_the_other_kind_of_database_is_refused(postgres: Place, file: Path) -> None:
    assert "of the kind sqlite" in postgres.refused("restore", "--replace", file)


@pytest.mark.postgres
def test_no_node_starts_while_a_restore_is_under_way(postgres: Place) -> None:
    postgres.sql("CREATE TABLE octoworkers_restoring (since timestamptz)")

    assert "was broken off" in postgres.refused("serve", "--port", "18998")
