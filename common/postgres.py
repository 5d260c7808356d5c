"""Statements that PostgreSQL prepares once for each connection. Reading and planning a short statement costs
it several times what running it does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import TIMESTAMPTZ_OID, ServerBindingCursor
from django.db.backends.postgresql.psycopg_any import register_tzloader
from psycopg.pq import Format
from psycopg.sql import Literal

#: Statements that a connection keeps; psycopg would forget some from 100 on.
MOST = 400
_PLACE = re.compile(r"%[%s]")


class _PreparingCursor(ServerBindingCursor):
    def execute(self, query: Any, params: Any = None, **given: Any) -> Any:
        return super().execute(query, params, prepare=True, **given)  # type: ignore[misc]  # stubs lack it


def cursor() -> Any:
    """As `connection.cursor()`, for statements that will be run again."""
    database: Any = connection
    database.close_if_health_check_failed()
    database.ensure_connection()
    session = database.connection
    if session.prepare_threshold is None:
        # Django switches preparing off. Of its own accord psycopg shall prepare nothing still.
        session.prepare_threshold, session.prepared_max = 2**31, MOST
    made = _Cursor(session)
    # As Django does for its own: not always, because it copies all that the cursor knows of types.
    if session.adapters.get_loader(TIMESTAMPTZ_OID, Format.TEXT).timezone != database.timezone:
        register_tzloader(database.timezone, made)
    return database._prepare_cursor(made)


_Cursor: Any = _PreparingCursor


def with_constants(sql: str, parameters: Sequence[Any], *, is_open: type) -> tuple[str, list[Any]]:
    """The statement with all values put in but for those of the type `is_open`: a partial index serves only a
    statement that says its condition itself."""
    left = iter(parameters)
    kept: list[Any] = []

    def fill(place: re.Match[str]) -> str:
        if place[0] == "%%":
            return "%%"
        value = next(left)
        if isinstance(value, is_open):
            kept.append(value)
            return "%s"
        connection.ensure_connection()
        return Literal(value).as_string(connection.connection).replace("%", "%%")

    return _PLACE.sub(fill, sql), kept
