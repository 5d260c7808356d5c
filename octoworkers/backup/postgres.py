"""PostgreSQL: its own client programs, because only they know everything that a database holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from django.db import connection

from octoworkers.backup.refusal import CannotBackUp, CannotRestore

#: Tells servers that a restore is under way, on whichever machine they start.
CLAIM = "octoworkers_restoring"

_ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "service": "PGSERVICE",
    "passfile": "PGPASSFILE",
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}

_OTHERS = """
SELECT COALESCE(host(client_addr), 'this machine') FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND backend_type = 'client backend'
"""

#: Everything in this schema that is neither an extension's nor the claim.
_CLEAR = f"""
DO $$
DECLARE item record;
BEGIN
  FOR item IN
    SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND c.relname <> '{CLAIM}'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relkind = 'S'  -- a column's sequence goes with its table
  LOOP
    IF to_regclass(format('%I.%I', current_schema(), item.relname)) IS NOT NULL THEN
      EXECUTE format('DROP %s %I.%I CASCADE', item.kind, current_schema(), item.relname);
    END IF;
  END LOOP;
  FOR item IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('DROP ROUTINE %s CASCADE', item.name);
  END LOOP;
  FOR item IN
    SELECT t.oid::regtype AS name FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = current_schema()::regnamespace
      AND (t.typtype IN ('e', 'd') OR (t.typtype = 'c' AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('DROP TYPE %s CASCADE', item.name);
  END LOOP;
END $$;
"""  # noqa: S608  # only a constant is put in


class PostgresStore:
    engine = "postgresql"
    member = "database.dump"

    def dump(self, target: Path) -> None:
        """pg_dump reads one snapshot; nobody waits for it."""
        try:
            program = _program("pg_dump", at_least=_server_version())
            command = [program, "--format=custom", "--no-owner", "--no-privileges"]
            left_out = [f"--exclude-table={CLAIM}"]
            done = _run([*command, *left_out, f"--file={target}"])
        except LookupError as error:
            raise CannotBackUp(str(error)) from error
        if done.returncode:
            raise CannotBackUp(f"pg_dump failed: {_last_line(done.stderr)}")

    def is_empty(self) -> bool:
        return not set(connection.introspection.table_names()) - {CLAIM}

    def claim(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {CLAIM} (since timestamptz DEFAULT now())")
            cursor.execute(_OTHERS)
            others = [row[0] for row in cursor.fetchall()]
        if others:
            self.unclaim()
            raise CannotRestore(
                f"The database is in use by {len(others)} other connections of this user (from "
                f"{', '.join(sorted(set(others)))}): stop every node first. Nothing was changed."
            )

    def unclaim(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {CLAIM}")

    def load(self, source: Path, *, finish: Callable[[], None]) -> None:
        try:
            programs = _program("psql"), _program("pg_restore", at_least=_server_version())
        except LookupError as error:
            raise CannotRestore(f"{error} Nothing was changed.") from error
        connection.close()
        _replace(source, *programs)
        finish()


def _replace(source: Path, psql: str, pg_restore: str) -> None:
    """Old out and new in as one transaction, which is committed only if the whole dump was read."""
    command = [psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    script = [pg_restore, "--no-owner", "--no-privileges", "--file=-", str(source)]
    # Files, because nobody reads a second pipe while the first one is written to.
    with tempfile.TemporaryFile() as complaints, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603  # a program of PostgreSQL's
            command, env=_environment(), stdin=subprocess.PIPE, stdout=output, stderr=complaints
        )
        whole = _feed(process.stdin, script, complaints)
        if process.wait() or not whole:
            complaints.seek(0)
            reason = _last_line(complaints.read())
            raise CannotRestore(f"The database was not restored: {reason} It is as it was before.")


def _feed(stdin: IO[bytes] | None, script: list[str], complaints: IO[bytes]) -> bool:
    """Whether everything was written; the commit is the last thing that is."""
    assert stdin is not None  # noqa: S101  # opened as a pipe
    try:
        with stdin:
            stdin.write(b"SET client_min_messages = warning;\nBEGIN;\n" + _CLEAR.encode())
            stdin.flush()
            read = subprocess.run(  # noqa: S603  # a program of PostgreSQL's
                script, env=_environment(), stdout=stdin, stderr=complaints, check=False
            )
            if read.returncode == 0:
                stdin.write(b"\nCOMMIT;\n")
            return read.returncode == 0
    except BrokenPipeError:
        return False


def _program(name: str, *, at_least: int = 0) -> str:
    """Its path. Raises LookupError with a sentence if it is missing or older than the server."""
    found = shutil.which(name)
    if found is None:
        raise LookupError(
            f"{name} is not on this machine: install PostgreSQL's client programs (on Debian and Ubuntu "
            "the package postgresql-client)."
        )
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r"(\d+)[.\w]*", answer.stdout)
    if version is None or int(version[1]) < at_least:
        has = version[0] if version else "unknown"
        raise LookupError(
            f"{name} has version {has}, and the server has {at_least}: install the client programs of "
            f"version {at_least} or newer, and put them first on PATH."
        )
    return found


def _server_version() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10_000  # type: ignore[union-attr]


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, env=_environment(), capture_output=True, check=False)  # noqa: S603


def _environment() -> dict[str, str]:
    """How to connect. Not on the command line, where other users could read the password."""
    given: Mapping[str, Any] = connection.get_connection_params()
    mine = {name: str(given[key]) for key, name in _ENVIRONMENT.items() if given.get(key) not in (None, "")}
    return {**os.environ, **mine}


def _last_line(text: bytes) -> str:
    lines = [line.strip() for line in text.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line or "error:" in line or "FATAL" in line]
    reason = (errors or lines or ["it gave no reason"])[0]
    return f"{reason.rstrip('.')}."
