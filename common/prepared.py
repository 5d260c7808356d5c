"""Statements that are compiled once. Django spends ten times as long on building a query as SQLite on
running it; where that counts (the engine, the log), a queryset with `Param`s in the place of values is
turned into SQL at its first use, and only bound and run after that. PostgreSQL keeps it prepared.

    _names = Rows(lambda: Machine.objects.filter(pool=Param("pool")).values_list("id", "name"))
    for id, name in _names(pool=7): ...

A parameter is converted as the field that it is compared with or assigned to would convert it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql import UpdateQuery

Row = Sequence[Any]


class Param(Expression):
    """The place of a value that is given when the statement runs. `field` says how to convert it where
    Django cannot know."""

    def __init__(self, name: str, field: Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=field)
        self.name, self.converter = name, field

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def bound(self, values: dict[str, Any]) -> Any:
        value = values[self.name]
        return value if self.converter is None else self.converter.get_db_prep_value(value, connection)


class _Statement:
    """SQL by the database's vendor, made when it is first run there."""

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[str, Row, Any]] = {}

    def _compile(self) -> tuple[str, Row, Any]:
        raise NotImplementedError

    def _prepared(self) -> tuple[str, Row, Any]:
        known = self._compiled.get(connection.vendor)
        if known is None:
            known = self._compiled[connection.vendor] = self._with_constants(*self._compile())
        return known

    @staticmethod
    def _with_constants(sql: str, parameters: Row, about: Any) -> tuple[str, Row, Any]:
        if connection.vendor != "postgresql":
            return sql, parameters, about
        from common import postgres  # noqa: PLC0415 - loads PostgreSQL's driver

        return *postgres.with_constants(sql, parameters, is_open=Param), about


def _cursor() -> Any:
    if connection.vendor != "postgresql":
        return connection.cursor()
    from common import postgres  # noqa: PLC0415 - loads PostgreSQL's driver

    return postgres.cursor()


def _bind(parameters: Row, values: dict[str, Any]) -> list[Any]:
    return [one.bound(values) if isinstance(one, Param) else one for one in parameters]


class Rows(_Statement):
    """A `values_list` query; calling it gives its rows. With `raw`, values are as the driver gives them:
    for JSON that is read elsewhere."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], *, raw: bool = False) -> None:
        super().__init__()
        self._build, self._raw = build, raw

    def __call__(self, **values: Any) -> list[Row]:
        sql, parameters, convert = self._prepared()
        with _cursor() as cursor:
            cursor.execute(sql, _bind(parameters, values))
            rows = cursor.fetchall()
        return rows if convert is None else list(convert(rows))

    def first(self, **values: Any) -> Row | None:
        """The first row, or None."""
        return next(iter(self(**values)), None)

    def _compile(self) -> tuple[str, Row, Any]:
        compiler = _typed(self._build()).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        if self._raw or not converters:
            return sql, parameters, None
        return sql, parameters, lambda rows: map(tuple, compiler.apply_converters(rows, converters))


class Update(_Statement):
    """An update of the rows of a queryset; calling it gives the number of rows that it changed."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], **changes: Any) -> None:
        super().__init__()
        self._build, self._changes = build, changes

    def __call__(self, **values: Any) -> int:
        sql, parameters, _ = self._prepared()
        with _cursor() as cursor:
            cursor.execute(sql, _bind(parameters, values))
            return int(cursor.rowcount)

    def _compile(self) -> tuple[str, Row, Any]:
        queryset = _typed(self._build())
        query: Any = queryset.query.chain(UpdateQuery)
        fields = queryset.model._meta
        for name, value in self._changes.items():
            if isinstance(value, Param):
                value.converter = fields.get_field(name)
        query.add_update_values(self._changes)
        return *query.get_compiler(connection=connection).as_sql(), None


class Insert(_Statement):
    """Inserts rows of a model: values for all of its columns but for an automatic key, by attribute name."""

    def __init__(self, model: type[Model]) -> None:
        super().__init__()
        self._model = model

    def __call__(self, rows: Iterable[dict[str, Any]]) -> None:
        """Fields that a row leaves out get their default."""
        sql, fields, _ = self._prepared()
        values = [[_saved(field, row) for field in fields] for row in rows]
        with _cursor() as cursor:
            if len(values) == 1:
                cursor.execute(sql, values[0])
            else:
                cursor.executemany(sql, values)

    @staticmethod
    def _with_constants(sql: str, parameters: Row, about: Any) -> tuple[str, Row, Any]:
        # It has none: its parameters are the fields.
        return sql, parameters, about

    def _compile(self) -> tuple[str, Row, Any]:
        meta = self._model._meta
        fields: list[Any] = [field for field in meta.concrete_fields if field is not meta.auto_field]
        quote = connection.ops.quote_name
        columns = ", ".join(quote(field.column) for field in fields)
        places = ", ".join(["%s"] * len(fields))
        return f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({places})", fields, None  # noqa: S608


def _saved(field: Any, row: dict[str, Any]) -> Any:
    value = row[field.attname] if field.attname in row else field.get_default()
    return field.get_db_prep_save(value, connection)


def _typed(queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """Gives each parameter of the conditions the field that it is compared with."""
    for query in (queryset.query, *queryset.query.combined_queries):
        _type_conditions(query.where)
    return queryset


def _type_conditions(node: Any) -> None:
    for child in getattr(node, "children", ()):
        _type_conditions(child)
    right = getattr(node, "rhs", None)
    if isinstance(right, Param) and right.converter is None:
        right.converter = node.lhs.output_field
