"""Everything that is in the database, as text."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection


def database_text() -> str:
    """All values of all rows, one a line. Blobs as they are, so that text in them is found."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # a name of ours
            for row in cursor.fetchall():
                yield from (_text(value) for value in row)


def _text(value: object) -> str:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode(errors="replace")
    return str(value)
