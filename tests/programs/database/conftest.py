"""Databases of the tests' own on real servers, and what a step program says about them."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pymysql
import pytest

from programs.database import main
from programs.kit.given import Failed, Given
from tests.programs.database.speech import Heard, heard

MARIADB = {"host": "127.0.0.1", "port": 3306, "user": "root", "password": ""}


@dataclass
class Database:
    """How a step reaches it, and rows of it read past the step."""

    kind: str
    connection: str
    rows: Callable[[str], list[tuple]] = field(repr=False)


@pytest.fixture
def postgres(postgres_server) -> Iterator[Database]:
    name = f"sql_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = f"{postgres_server.rpartition('/')[0]}/{name}"

        def rows(query: str) -> list[tuple]:
            with psycopg.connect(url) as connection:
                return connection.execute(query).fetchall()

        yield Database("PostgreSQL", url, rows)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def mariadb() -> Iterator[Database]:
    settings = {**MARIADB, "host": os.environ.get("OCTOWORKERS_TEST_MARIADB", MARIADB["host"])}
    name = f"sql_{uuid.uuid4().hex}"
    try:
        admin = pymysql.connect(**settings, autocommit=True)
    except pymysql.err.OperationalError as error:
        pytest.skip(f"there is no MariaDB: {error}")
    with admin:
        admin.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

        def rows(query: str) -> list[tuple]:
            with pymysql.connect(**settings, database=name) as connection:
                cursor = connection.cursor()
                cursor.execute(query)
                return list(cursor.fetchall())

        yield Database("MySQL", f"mysql://root@{settings['host']}:{settings['port']}/{name}", rows)
        admin.cursor().execute(f"DROP DATABASE {name}")


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    path = tmp_path / "orders.db"

    def rows(query: str) -> list[tuple]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    return Database("SQLite", f"sqlite:///{path}", rows)


@pytest.fixture(params=["postgres", "mariadb", "sqlite"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the databases that can be had here."""
    return request.getfixturevalue(request.param)


Perform = Callable[..., Heard]


@pytest.fixture
def perform(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Perform:
    """Runs the program in this process; a failure is part of what was heard."""

    def performed(database: Database, **inputs: str) -> Heard:
        given = Given({"kind": database.kind, "connection": database.connection, **inputs}, {}, tmp_path)
        capfd.readouterr()
        failure = ""
        try:
            main(given)
        except Failed as failed:
            failure = str(failed)
        return heard(capfd.readouterr().out, failure)

    return performed
