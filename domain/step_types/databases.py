"""What the steps that work on a database share: which one it is, and how to reach it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

from domain.step_types.base import PROGRAMS, Fault, Fill, Properties, Text

_PREFIX = "Octoworkers.Action.Database."
KIND = f"{_PREFIX}Kind"
CONNECT_BY = f"{_PREFIX}ConnectBy"
CONNECTION = f"{_PREFIX}ConnectionString"
HOST = f"{_PREFIX}Host"
PORT = f"{_PREFIX}Port"
NAME = f"{_PREFIX}Name"
USER = f"{_PREFIX}User"
PASSWORD = f"{_PREFIX}Password"
TLS = f"{_PREFIX}Tls"

LABELS = {
    KIND: "Database",
    CONNECT_BY: "Connected by",
    CONNECTION: "Connection string",
    HOST: "Server",
    PORT: "Port",
    NAME: "Name of the database",
    USER: "User",
    PASSWORD: "Password",
    TLS: "Encryption",
}
PROGRAM = "database"
"""The step program of all of them; its input `do` says which."""
NEEDS = (PROGRAMS,)

_REFERENCE = re.compile(r"#\{[^{}]*\}")
_IN_ADDRESS = re.compile(r"://[^/@\s]*?:([^@/\s]+)@")
_IN_WORDS = re.compile(r"\b(?:password|pwd)\s*=\s*([^;\s]+)", re.IGNORECASE)


class DatabaseKind(StrEnum):
    """The databases that a step can work on, as they are stored."""

    POSTGRESQL = "PostgreSQL"
    MYSQL = "MySQL"
    SQL_SERVER = "SqlServer"
    SQLITE = "SQLite"


class ConnectBy(StrEnum):
    """Whether one text says how to reach the database, or several."""

    STRING = "String"
    PARTS = "Parts"


class Tls(StrEnum):
    """Encryption of the connection: as the driver does it by itself, required, or required with a
    certificate that is right."""

    DEFAULT = "Default"
    REQUIRE = "Require"
    VERIFY = "Verify"


def is_plain(text: str) -> bool:
    """Whether a password is written out, rather than taken from variables alone."""
    return bool(_REFERENCE.sub("", text).strip())


def has_plain_password(connection: str) -> bool:
    """Whether a connection string has a password in it that no variable gives."""
    plain = _REFERENCE.sub("", connection)
    return bool(_IN_ADDRESS.search(plain) or _IN_WORDS.search(plain))


def texts(properties: Properties) -> list[Text]:
    """What values are put into: the connection string, or the parts."""
    if _by(properties) is ConnectBy.STRING:
        return [Text("connection string", properties.get(CONNECTION, ""))]
    nouns = {HOST: "server", PORT: "port", NAME: "database", USER: "user", PASSWORD: "password"}
    return [Text(noun, properties.get(name, "")) for name, noun in nouns.items()]


def faults(properties: Properties) -> Iterator[Fault]:
    kind = properties.get(KIND, "")
    if kind not in set(DatabaseKind):
        known = ", ".join(DatabaseKind)
        yield Fault(f'works on the database "{kind[:40]}", where only {known} can stand.')
        return
    if properties.get(TLS) and properties[TLS] not in set(Tls):
        yield Fault(f'has the encryption "{properties[TLS][:40]}", where only {", ".join(Tls)} can stand.')
    if _by(properties) is ConnectBy.STRING:
        yield from _string_faults(properties)
    else:
        yield from _part_faults(properties, kind)


def _string_faults(properties: Properties) -> Iterator[Fault]:
    connection = properties.get(CONNECTION, "")
    if not connection.strip():
        yield Fault("has no connection string.")
    if has_plain_password(connection):
        yield Fault("has a password written into its connection string. Use a sensitive variable.")


def _part_faults(properties: Properties, kind: str) -> Iterator[Fault]:
    if not properties.get(NAME, "").strip() and kind == DatabaseKind.SQLITE:
        yield Fault("says no file of the SQLite database.")
    if not properties.get(HOST, "").strip() and kind != DatabaseKind.SQLITE:
        yield Fault("says no server of the database.")
    if is_plain(properties.get(PASSWORD, "")):
        yield Fault("has its password written out. Use a sensitive variable, such as #{Database.Password}.")


def inputs(properties: Properties, fill: Fill) -> dict[str, str]:
    """What the step program connects with."""
    found = {"kind": properties[KIND], "tls": properties.get(TLS, Tls.DEFAULT)}
    if _by(properties) is ConnectBy.STRING:
        return {**found, "connection": fill(properties.get(CONNECTION, ""))}
    names = {"host": HOST, "port": PORT, "name": NAME, "user": USER, "password": PASSWORD}
    return {**found, **{key: fill(properties.get(name, "")) for key, name in names.items()}}


def number_faults(properties: Properties, limits: Iterable[tuple[str, str, int]]) -> Iterator[Fault]:
    """For settings that are whole numbers: name, what people call it, the largest."""
    for name, noun, most in limits:
        text = properties.get(name, "").strip() or "0"
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= most):
            yield Fault(f'is set to "{text[:40]}" {noun}, which is not a whole number from 0 to {most:,}.')


def _by(properties: Properties) -> ConnectBy:
    is_parts = properties.get(CONNECT_BY) == ConnectBy.PARTS
    return ConnectBy.PARTS if is_parts else ConnectBy.STRING
