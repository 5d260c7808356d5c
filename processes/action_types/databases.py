"""The fields that all steps on a database have: which database it is, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import RUN_ON_SERVER
from domain.step_types import databases
from domain.step_types.databases import ConnectBy, DatabaseKind, Tls
from processes.action_types.worker import WorkerForm

_KINDS = [
    (DatabaseKind.POSTGRESQL, "PostgreSQL"),
    (DatabaseKind.MYSQL, "MySQL or MariaDB"),
    (DatabaseKind.SQL_SERVER, "SQL Server"),
    (DatabaseKind.SQLITE, "SQLite"),
]
_TLS = [
    (Tls.DEFAULT, "As the driver does it by itself"),
    (Tls.REQUIRE, "Required"),
    (Tls.VERIFY, "Required, with a certificate that is right"),
]
_LONGEST = 2000
#: By the form's field: the property that keeps it.
_TEXTS = {
    "connection": databases.CONNECTION,
    "host": databases.HOST,
    "port": databases.PORT,
    "database": databases.NAME,
    "db_user": databases.USER,
    "db_password": databases.PASSWORD,
}


def _text(label: str) -> forms.CharField:
    return forms.CharField(required=False, max_length=_LONGEST, label=label)


class DatabaseForm(WorkerForm):
    kind = forms.ChoiceField(choices=_KINDS, initial=DatabaseKind.POSTGRESQL, label="Database")
    connect_by = forms.ChoiceField(
        choices=[(ConnectBy.STRING, "Connection string"), (ConnectBy.PARTS, "Server, user and password")],
        initial=ConnectBy.STRING,
        widget=forms.RadioSelect,
        label="Connect by",
    )
    connection = _text("Connection string")
    host = _text("Server")
    port = _text("Port")
    database = _text("Name of the database")
    db_user = _text("User")
    db_password = _text("Password")
    tls = forms.ChoiceField(required=False, choices=_TLS, initial=Tls.DEFAULT, label="Encryption")

    def clean_db_password(self) -> str:
        password = str(self.cleaned_data["db_password"])
        if databases.is_plain(password):
            raise forms.ValidationError("Refer to a sensitive variable, such as #{Database.Password}.")
        return password

    def clean_connection(self) -> str:
        connection = str(self.cleaned_data["connection"])
        if databases.has_plain_password(connection):
            raise forms.ValidationError(
                "It has a password in it. Put the password, or the whole of it, into a sensitive variable."
            )
        return connection

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        kind = data.get("kind")
        if data.get("connect_by") == ConnectBy.PARTS:
            self._check_parts(data, is_file=kind == DatabaseKind.SQLITE)
        elif not data.get("connection") and "connection" not in self.errors:
            self.add_error("connection", "Enter the connection string, or a variable that holds it.")
        if kind == DatabaseKind.SQL_SERVER and data.get("tls") == Tls.VERIFY:
            self.add_error("tls", "The driver for SQL Server cannot check certificates.")
        return data

    def _check_parts(self, data: Mapping[str, Any], *, is_file: bool) -> None:
        if is_file and not data.get("database"):
            self.add_error("database", "Enter the whole path of the SQLite file.")
        if not is_file and not data.get("host"):
            self.add_error("host", "Enter the name or the address of the server.")

    def properties(self) -> dict[str, str]:
        """Both ways to connect are kept, so that trying the other loses nothing."""
        data = self.cleaned_data
        found = {name: data[field] for field, name in _TEXTS.items() if data[field]}
        if data["tls"] and data["tls"] != Tls.DEFAULT:
            found[databases.TLS] = data["tls"]
        return {
            RUN_ON_SERVER: "true",
            databases.KIND: data["kind"],
            databases.CONNECT_BY: data["connect_by"],
            **found,
        }

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "kind": properties.get(databases.KIND, DatabaseKind.POSTGRESQL),
            "connect_by": properties.get(databases.CONNECT_BY, ConnectBy.STRING),
            "tls": properties.get(databases.TLS, Tls.DEFAULT),
            **{field: properties.get(name, "") for field, name in _TEXTS.items()},
        }
