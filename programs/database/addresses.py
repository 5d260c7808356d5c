"""Where a database is, from a connection string or from parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from programs.database.lexing import MYSQL, POSTGRESQL, SQL_SERVER, SQLITE
from programs.kit.given import Failed, Given

DEFAULT, REQUIRE, VERIFY = "Default", "Require", "Verify"
_SCHEMES = {
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "mssql": SQL_SERVER,
    "sqlserver": SQL_SERVER,
    "sqlite": SQLITE,
}
TITLES = {POSTGRESQL: "PostgreSQL", MYSQL: "MySQL", SQL_SERVER: "SQL Server", SQLITE: "SQLite"}
#: The words of ADO.NET, libpq and others, without spaces.
_WORDS = {
    "host": ("server", "datasource", "host", "addr", "address", "networkaddress", "hostname"),
    "port": ("port",),
    "name": ("database", "initialcatalog", "dbname", "filename"),
    "user": ("userid", "uid", "user", "username"),
    "password": ("password", "pwd"),
    "tls": ("encrypt", "sslmode", "ssl-mode"),
}
_MEANINGS = {word: key for key, words in _WORDS.items() for word in words}
_REQUIRED = ("true", "yes", "1", "mandatory", "strict", "require", "required")
_VERIFIED = ("verify-full", "verify-ca", "verifyfull", "verifyca", "verify_identity", "verify_ca")
_SETTING = re.compile(r"""\s*([^=;]+?)\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^;]*?)\s*(?:;|\Z)""")
_SPACED = re.compile(r"""\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)""")


@dataclass(frozen=True)
class Address:
    """`name` is the database's, or the whole path of SQLite's file. `extra` goes to the driver as it is."""

    kind: str
    host: str = ""
    port: int = 0
    name: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = DEFAULT
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """For the log; without the password."""
        if self.kind == SQLITE:
            return self.name
        where = f"{self.host}{f':{self.port}' if self.port else ''}"
        name = f", database {self.name}" if self.name else ""
        return f"{where}{name}{f', as {self.user}' if self.user else ''}"


def address_of(given: Given) -> Address:
    """Raises `Failed`, in whose message nothing of a connection string stands."""
    kind = given.text("kind")
    if kind not in TITLES:
        raise Failed(f'There is no driver for the database "{kind}".')
    text = given.text("connection").strip()
    found = _from_string(kind, text) if text else _from_parts(kind, given)
    if given.text("tls", DEFAULT) != DEFAULT:
        found = replace(found, tls=given.text("tls"))
    return _checked(found)


def _checked(address: Address) -> Address:
    if address.kind == SQLITE:
        if address.name != ":memory:" and not address.name.startswith("/"):
            raise Failed("Give the whole path of the SQLite file, such as /var/lib/orders/orders.db.")
        return address
    if not address.host:
        raise Failed("The server of the database is missing.")
    if address.kind == SQL_SERVER and address.tls == VERIFY:
        raise Failed("The driver for SQL Server cannot check certificates. Choose to require encryption.")
    return address


def _from_parts(kind: str, given: Given) -> Address:
    return _address(kind, {key: given.text(key).strip() for key in ("host", "port", "name", "user")}
                    | {"password": given.text("password")})  # fmt: skip


def _from_string(kind: str, text: str) -> Address:
    if "://" in text:
        return _from_url(kind, text)
    pattern = _SETTING if ";" in text or kind != POSTGRESQL else _SPACED
    found, known = dict[str, str](), False
    for name, value in pattern.findall(text):
        word = re.sub(r"\s+", "", name).lower()
        known = known or word in _MEANINGS
        found[_MEANINGS.get(word, word)] = _unquoted(value)
    if not known:
        raise Failed(
            f"The connection string cannot be read. Write it as {_example(kind)} or as words, "
            "such as Server=db;Database=orders;User Id=app;Password=..."
        )
    if kind == SQLITE:
        found.setdefault("name", found.pop("host", ""))
    return _address(kind, found)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace(value[0] * 2, value[0]).replace("\\'", "'").replace("\\\\", "\\")
    return value


def _address(kind: str, found: Mapping[str, str]) -> Address:
    host, port = found.get("host", ""), found.get("port", "")
    if kind == SQL_SERVER:
        # tcp:db.example,1433
        host, _, behind = host.removeprefix("tcp:").partition(",")
        port = port or behind.strip()
    tls = found.get("tls", "").lower()
    return Address(
        kind=kind,
        host=host.strip(),
        port=_port(port),
        name=found.get("name", ""),
        user=found.get("user", ""),
        password=found.get("password", ""),
        tls=VERIFY if tls in _VERIFIED else REQUIRE if tls in _REQUIRED else DEFAULT,
    )


def _port(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise Failed(f'The port is "{text[:20]}", which is not a number from 1 to 65535.')
    return int(text)


def _from_url(kind: str, text: str) -> Address:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - only there once the drivers are
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise Failed(f"The connection string cannot be read. Write it as {_example(kind)}.") from None
    meant = _SCHEMES.get(url.drivername.partition("+")[0].lower())
    if meant != kind:
        of = TITLES[meant] if meant else "an unknown database"
        raise Failed(f"The connection string is that of {of}, and the step is set to {TITLES[kind]}.")
    extra = dict(url.query)
    mode = str(extra.pop("sslmode", "")).lower()
    return Address(
        kind=kind,
        host=url.host or "",
        port=url.port or 0,
        name=url.database or (":memory:" if kind == SQLITE else ""),
        user=url.username or "",
        password=url.password or "",
        tls=VERIFY if mode in _VERIFIED else REQUIRE if mode in _REQUIRED else DEFAULT,
        extra=extra,
    )


def _example(kind: str) -> str:
    return {
        POSTGRESQL: "postgresql://user:password@server/database",
        MYSQL: "mysql://user:password@server/database",
        SQL_SERVER: "mssql://user:password@server/database",
        SQLITE: "sqlite:////whole/path/of/the/file.db",
    }[kind]
