"""Expressions for which Django calls Python once per row on SQLite; here both databases work alone."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, FloatField, Func


class HourText(Func):
    """The hour of a moment in UTC as text, `2026-11-23 14`."""

    output_field = CharField()
    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 13)", **context)


class ElapsedSeconds(Func):
    """`ElapsedSeconds("end", "start")`: the seconds from start to end."""

    output_field = FloatField()
    arity = 2
    arg_joiner = " - "
    template = "extract(epoch from (%(expressions)s))"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        days = {"template": "(julianday(%(expressions)s)) * 86400.0", "arg_joiner": ") - julianday("}
        return self.as_sql(compiler, connection, **days, **context)
