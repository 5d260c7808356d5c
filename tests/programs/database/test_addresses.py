"""Connection strings as people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from programs.database.addresses import address_of
from programs.kit.given import Failed, Given


def address(kind: str, **inputs: str):
    return address_of(Given({"kind": kind, **inputs}, {}, Path("/nowhere")))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("PostgreSQL", "postgresql://app:s%40e@db:5433/orders?sslmode=require",
         ("db", 5433, "orders", "app", "s@e", "Require")),
        ("PostgreSQL", "postgres://db/orders",
         ("db", 0, "orders", "", "", "Default")),
        ("PostgreSQL", "host=db port=5433 dbname=orders user=app password='a b'",
         ("db", 5433, "orders", "app", "a b", "Default")),
        ("PostgreSQL", "Host=db;Database=orders;Username=app;Password=x;SslMode=VerifyFull",
         ("db", 0, "orders", "app", "x", "Verify")),
        ("MySQL", "mariadb://app:x@db/orders",
         ("db", 0, "orders", "app", "x", "Default")),
        ("MySQL", "Server=db;Port=3307;Database=orders;Uid=app;Pwd=x;",
         ("db", 3307, "orders", "app", "x", "Default")),
        ("SqlServer",
         'Data Source=tcp:db.example,1444;Initial Catalog=orders;User ID=sa;Password="a;b";Encrypt=True',
         ("db.example", 1444, "orders", "sa", "a;b", "Require")),
        ("SqlServer", "mssql://sa:x@db/orders",
         ("db", 0, "orders", "sa", "x", "Default")),
        ("SQLite", "sqlite:////var/lib/a.db",
         ("", 0, "/var/lib/a.db", "", "", "Default")),
        ("SQLite", "Data Source=/var/lib/a.db",
         ("", 0, "/var/lib/a.db", "", "", "Default")),
    ],
)  # fmt: skip
def test_strings(kind, text, expected):
    found = address(kind, connection=text)

    assert (found.host, found.port, found.name, found.user, found.password, found.tls) == expected


def test_parts_and_encryption_of_the_step():
    found = address(
        "MySQL", host="db", port="3307", name="orders", user="app", password=" p w ", tls="Require"
    )

    assert (found.host, found.port, found.user, found.password, found.tls) == (
        "db",
        3307,
        "app",
        " p w ",
        "Require",
    )
    assert found.label == "db:3307, database orders, as app"
    assert " p w " not in repr(found)


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("PostgreSQL", {"connection": "mysql://a:geheim@b/c"}, "is that of MySQL, and the step is set to"),
        ("PostgreSQL", {"connection": "geheim"}, "cannot be read"),
        ("PostgreSQL", {"connection": "postgresql://a:geheim@b:x/c"}, "cannot be read"),
        ("MySQL", {"connection": "Server=a;Port=geheim;Password=geheim"}, "is not a number from 1 to 65535"),
        ("MySQL", {"connection": "Database=a;Password=geheim"}, "server of the database is missing"),
        ("SQLite", {"name": "orders.db"}, "Give the whole path"),
        ("SqlServer", {"host": "a", "tls": "Verify"}, "cannot check certificates"),
        ("Oracle", {"host": "a"}, "There is no driver"),
    ],
)
def test_what_cannot_be_is_said_without_the_string(kind, inputs, message):
    with pytest.raises(Failed, match=message) as failed:
        address(kind, **inputs)

    if "is not a number" not in message:
        assert "geheim" not in str(failed.value)
