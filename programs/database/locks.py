"""One migration of a database at a time, wherever the others run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from hashlib import sha256

from programs.database.connections import Connection
from programs.database.lexing import MYSQL, POSTGRESQL, SQL_SERVER
from programs.kit import say
from programs.kit.given import Failed

#: How long one migration waits for the others.
_MOST_SECONDS = 3600
_PAUSE = 0.5


@contextlib.contextmanager
def alone(connection: Connection, table: str) -> Iterator[None]:
    """Locks of a session, which a commit does not give back, and the end of the connection does. Raises
    `Failed`."""
    if connection.kind not in (POSTGRESQL, MYSQL, SQL_SERVER):
        with _file_lock(f"{connection.address.name}-{table}.lock"):
            yield
        return
    query = _question(connection.kind, table)
    connection.begin()
    _wait(lambda: _ask(connection, query))
    connection.commit()
    yield


def _wait(attempt: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _MOST_SECONDS
    is_told = False
    while not attempt():
        if not is_told:
            say.info("Another migration of this database is running; waiting for it to end.")
            is_told = True
        if time.monotonic() > deadline:
            raise Failed(f"Another migration of this database did not end within {_MOST_SECONDS} s.")
        time.sleep(_PAUSE)


def _question(kind: str, table: str) -> str:
    """A query that takes the lock without waiting, and gives 1 if it could. The name holds for one
    database: PostgreSQL's locks do so by themselves."""
    number = int.from_bytes(sha256(table.encode()).digest()[:7], "big")
    return {
        POSTGRESQL: f"SELECT pg_try_advisory_lock({number})::int",
        MYSQL: f"SELECT GET_LOCK(CONCAT('octoworkers-', SHA1(CONCAT(DATABASE(), '.{table}'))), 0)",
        SQL_SERVER: (
            "SET NOCOUNT ON; DECLARE @got int; EXEC @got = sp_getapplock "
            f"@Resource = '{table}', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; "
            "SELECT CASE WHEN @got >= 0 THEN 1 ELSE 0 END"
        ),
    }[kind]


def _ask(connection: Connection, query: str) -> bool:
    cursor = connection.cursor(query, {})
    found = cursor.fetchone()
    cursor.close()
    return bool(found and found[0] == 1)


@contextlib.contextmanager
def _file_lock(path: str) -> Iterator[None]:
    """SQLite is a file on this machine, and so is its lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(lambda: _flock(descriptor))
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
