"""The SQLite files that the demo's runbook works on: orders as a small shop would have them."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

#: Orders per environment, so that the three files differ at a glance.
SIZES = {"Development": 60, "Test": 400, "Production": 2500}

_SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, city VARCHAR(40) NOT NULL);
CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, unit_price_cents BIGINT NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id BIGINT NOT NULL REFERENCES customers (id),
    placed_on VARCHAR(10) NOT NULL, status VARCHAR(12) NOT NULL
);
CREATE TABLE order_lines (
    id INTEGER PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES orders (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    quantity BIGINT NOT NULL, unit_price_cents BIGINT NOT NULL
);
"""
_PLACES = [
    "Harbour",
    "Mill Lane",
    "Station",
    "Riverside",
    "Old Town",
    "Hillside",
    "Market Square",
    "Lakeside",
]
_TRADES = ["Books", "Bakery", "Bicycles", "Garden Centre", "Pharmacy", "Hardware", "Records", "Stationery"]
_CITIES = ["Aarhus", "Bergen", "Ghent", "Graz", "Leeds", "Lyon", "Porto", "Turin"]
_PRODUCTS = [
    ("Label printer", 18900),
    ("Till roll, 20 pieces", 1450),
    ("Barcode scanner", 7990),
    ("Shelf tag", 35),
]
_STATUSES = ["placed", "packed", "shipped", "paid", "returned"]
_FIRST_DAY = date(2026, 1, 2)


def path_of(environment: str, folder: Path) -> Path:
    return folder / f"orders-{environment.lower()}.sqlite3"


def create(folder: Path) -> None:
    """Writes the files that are not there yet. Raises OSError or sqlite3.Error."""
    folder.mkdir(parents=True, exist_ok=True)
    for environment, size in SIZES.items():
        path = path_of(environment, folder)
        if not path.exists():
            _write(path, size)


def _write(path: Path, size: int) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    # Not for secrets: the same orders on every machine, so that figures can be compared.
    chance = random.Random(size)  # noqa: S311
    with closing(sqlite3.connect(partial)) as connection, connection:
        connection.executescript(_SCHEMA)
        customers = [f"{place} {trade}" for place in _PLACES for trade in _TRADES]
        rows = [(number, name, chance.choice(_CITIES)) for number, name in enumerate(customers, 1)]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?)", rows)
        products = [(number, *product) for number, product in enumerate(_PRODUCTS, 1)]
        connection.executemany("INSERT INTO products VALUES (?, ?, ?)", products)
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)", _orders(size, len(customers), chance)
        )
        lines = (
            "INSERT INTO order_lines (order_id, product_id, quantity, unit_price_cents) VALUES (?, ?, ?, ?)"
        )
        connection.executemany(lines, _lines(size, chance))
    partial.rename(path)


def _orders(size: int, customers: int, chance: random.Random) -> Iterator[tuple[int, int, str, str]]:
    for number in range(1, size + 1):
        day = _FIRST_DAY + timedelta(days=number * 300 // size)
        yield number, chance.randint(1, customers), day.isoformat(), chance.choice(_STATUSES)


def _lines(size: int, chance: random.Random) -> Iterator[tuple[int, int, int, int]]:
    for order in range(1, size + 1):
        for _ in range(chance.randint(1, 4)):
            product = chance.randrange(len(_PRODUCTS))
            yield order, product + 1, chance.randint(1, 12), _PRODUCTS[product][1]
