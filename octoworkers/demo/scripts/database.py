# Talks to the database of Database.ConnectionString: an SQLite file (sqlite:////folder/file), or a
# PostgreSQL (postgresql://user@host/name) through psql and pg_dump of the worker.
import csv
import hashlib
import hmac
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Sqlite:
    suffix = ".sqlite3"

    def __init__(self, path):
        if not path.is_file():
            sys.exit(f"There is no database file {path} on this worker.")
        self.path = path
        self.label = f"SQLite file {path}"

    def open(self):
        return closing(sqlite3.connect(str(self.path), timeout=30, isolation_level=None))

    def query(self, sql):
        with self.open() as connection:
            return [[str(value) for value in row] for row in connection.execute(sql)]

    def run(self, statements):
        """All statements in one transaction, or none of them."""
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in statements:
                    connection.execute(statement)
                connection.execute("COMMIT")
            except sqlite3.Error:
                connection.execute("ROLLBACK")
                raise

    def tables(self):
        return [
            row[0] for row in self.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]

    def back_up(self, target):
        with self.open() as source, closing(sqlite3.connect(str(target))) as copy:
            source.backup(copy)

    def verify(self, copy, rows):
        """Why the copy is not good, or nothing."""
        taken = Sqlite(copy)
        problem = taken.query("PRAGMA integrity_check")[0][0]
        if problem != "ok":
            return f"its integrity check says: {problem}"
        found = row_counts(taken)
        return "" if found == rows else f"it holds {found}, the database {rows}"


class Postgres:
    suffix = ".dump"

    def __init__(self, url):
        parts = urlsplit(url)
        self.name = parts.path.lstrip("/")
        self.label = f"PostgreSQL {self.name} on {parts.hostname or 'this machine'}"
        password = unquote(parts.password or "") or get_octopusvariable("Database.Password")
        settings = {
            "PGHOST": parts.hostname,
            "PGPORT": parts.port and str(parts.port),
            "PGUSER": parts.username and unquote(parts.username),
            "PGDATABASE": self.name,
            "PGPASSWORD": password,
        }
        # By environment: arguments can be read by every user of the worker.
        self.environment = dict(os.environ, **{name: value for name, value in settings.items() if value})
        for tool in ("psql", "pg_dump", "pg_restore"):
            if not shutil.which(tool):
                sys.exit(f"This worker has no {tool}. Install PostgreSQL's client programs on it.")

    def call(self, *command, given=None):
        done = subprocess.run(command, env=self.environment, input=given, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
        return done.stdout

    def query(self, sql):
        text = self.call("psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", given=sql + ";")
        return list(csv.reader(text.splitlines()))

    def run(self, statements):
        """All statements in one transaction, or none of them."""
        text = ";\n".join(statements) + ";\n"
        self.call("psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", "-", given=text)

    def tables(self):
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        return [row[0] for row in self.query(sql)]

    def back_up(self, target):
        self.call("pg_dump", "--format=custom", "--file", str(target))

    def verify(self, copy, rows):
        """Why the copy is not good, or nothing."""
        listing = self.call("pg_restore", "--list", str(copy))
        missing = [table for table in rows if f" TABLE DATA public {table} " not in listing]
        return f"it has no data of {', '.join(missing)}" if missing else ""


def database():
    url = get_octopusvariable("Database.ConnectionString")
    if url.startswith("sqlite:///"):
        return Sqlite(Path(unquote(url[len("sqlite:///") :])))
    if url.startswith(("postgresql://", "postgres://")):
        return Postgres(url)
    sys.exit("Database.ConnectionString starts with neither sqlite:/// nor postgresql://.")


def row_counts(where):
    return {table: int(where.query(f'SELECT COUNT(*) FROM "{table}"')[0][0]) for table in where.tables()}


def counted(rows):
    return ", ".join(f"{number:,} {table}" for table, number in rows.items())


def digest_of(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def signature_of(facts):
    key = get_octopusvariable("Backup.SigningKey").encode()
    return hmac.new(key, json.dumps(facts, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def read_manifest(path):
    """What was noted when a backup was taken, or None where the signature is not ours."""
    try:
        manifest = json.loads(path.read_text())
        facts, signature = manifest["facts"], manifest["signature"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if hmac.compare_digest(signature, signature_of(facts)) else None


def backup_folder():
    return Path(get_octopusvariable("Backup.Folder"))


def manifests(folder):
    """Signed manifests in a folder, newest first."""
    known = [(path, read_manifest(path)) for path in sorted(folder.glob("*.json"), reverse=True)]
    return [(path, facts) for path, facts in known if facts]
