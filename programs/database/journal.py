"""Which scripts a database has seen: a table in the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from programs.database.connections import Connection

DONE, STARTED, FAILED = "done", "started", "failed"


@dataclass(frozen=True)
class Entry:
    """`checksum` is the SHA-256 of the script as it was written; `state` other than done is of a script that
    came to no end, with what is known in `note`."""

    name: str
    checksum: str
    state: str
    note: str


class Journal:
    def __init__(self, connection: Connection, table: str) -> None:
        import sqlalchemy  # noqa: PLC0415 - only there once the drivers are

        self._sql = sqlalchemy
        self._connection = connection
        text = sqlalchemy.Unicode
        self._table = sqlalchemy.Table(
            table,
            sqlalchemy.MetaData(),
            sqlalchemy.Column("name", text(200), primary_key=True),
            sqlalchemy.Column("checksum", sqlalchemy.String(64), nullable=False),
            sqlalchemy.Column("state", sqlalchemy.String(10), nullable=False),
            sqlalchemy.Column("note", text(500), nullable=False),
            sqlalchemy.Column("run_by", text(100), nullable=False),
            sqlalchemy.Column("run_at", sqlalchemy.DateTime, nullable=False),
        )

    def create(self) -> None:
        """Where it is not there yet."""
        self._table.create(self._connection.alchemy, checkfirst=True)

    def read(self) -> dict[str, Entry]:
        """By name; nothing where there is no table."""
        if not self._sql.inspect(self._connection.alchemy).has_table(self._table.name):
            return {}
        columns = [self._table.c[name] for name in ("name", "checksum", "state", "note")]
        rows = self._connection.alchemy.execute(self._sql.select(*columns).order_by(self._table.c.run_at))
        return {row[0]: Entry(*row) for row in rows}

    def write(self, entry: Entry, *, run_by: str) -> None:
        """In the place of what it said of this script before."""
        table, now = self._table, datetime.now(timezone.utc).replace(tzinfo=None)
        execute = self._connection.alchemy.execute
        execute(table.delete().where(table.c.name == entry.name))
        values = {"checksum": entry.checksum, "state": entry.state, "note": entry.note[:500]}
        execute(table.insert().values(name=entry.name, run_by=run_by[:100], run_at=now, **values))
