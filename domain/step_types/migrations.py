"""Migrate a database: scripts that run once each, in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from domain.step_types import databases
from domain.step_types.base import Fault, Fill, Program, Properties, StepType, Text

MIGRATE_ACTION = "Octoworkers.MigrateDatabase"
_PREFIX = "Octoworkers.Action.Migration."
SCRIPTS = f"{_PREFIX}Scripts"
TABLE = f"{_PREFIX}JournalTable"
TRANSACTION = f"{_PREFIX}Transaction"
DRY_RUN = f"{_PREFIX}DryRun"
TIMEOUT = f"{_PREFIX}StatementTimeout"

LABELS = {
    **databases.LABELS,
    SCRIPTS: "Scripts",
    TABLE: "Journal table",
    TRANSACTION: "Transaction",
    DRY_RUN: "Dry run",
    TIMEOUT: "Seconds for each statement",
}
DEFAULT_TABLE = "octoworkers_migrations"
MOST_SECONDS = 86_400
LONGEST_NAME = 200
_HEAD = re.compile(r"--[ \t]*migration:(.*)", re.IGNORECASE)
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")


class Transaction(StrEnum):
    """What a failure undoes: all scripts of the run, the script that failed, or nothing but the statement."""

    ONE = "One"
    SCRIPT = "Script"
    EACH = "Each"


class BadScripts(ValueError):
    """What cannot be read as scripts; the message is a sentence about it."""


@dataclass(frozen=True, slots=True)
class MigrationScript:
    """`text` is the template; `line` is where it begins among all of them, from 1."""

    name: str
    text: str
    line: int

    @property
    def checksum(self) -> str:
        """SHA-256 in hex of the script as it is written: neither a value that differs between environments
        nor space at the end of a line makes another script of it."""
        plain = "\n".join(line.rstrip() for line in self.text.strip().splitlines())
        return sha256(plain.encode()).hexdigest()


def scripts(text: str) -> list[MigrationScript]:
    """The scripts, each after a line `-- migration: NAME`. Raises `BadScripts`."""
    found: list[MigrationScript] = []
    name, body, start = "", list[str](), 1
    for number, line in enumerate(text.splitlines(), start=1):
        if head := _HEAD.fullmatch(line.strip()):
            _add(found, name, body, start)
            name, body, start = _name(head[1]), [], number + 1
        else:
            body.append(line)
    _add(found, name, body, start)
    if not found:
        raise BadScripts("There is no script.")
    return found


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadScripts(f"A script needs a name of 1 to {LONGEST_NAME} characters after `-- migration:`.")
    return name


def _add(found: list[MigrationScript], name: str, body: list[str], line: int) -> None:
    text = "\n".join(body)
    if not name:
        if text.strip():
            raise BadScripts(
                "The first line has to name the first script, as `-- migration: 001_orders.sql`."
            )
        return
    if not text.strip():
        raise BadScripts(f"The script {name} is empty.")
    if any(one.name.casefold() == name.casefold() for one in found):
        raise BadScripts(f"The script {name} is there twice.")
    found.append(MigrationScript(name, text, line))


def is_table(name: str) -> bool:
    """Whether a text can be the journal's name, in each of the databases without quotes."""
    return bool(_TABLE.match(name))


def _texts(properties: Properties) -> list[Text]:
    own = [Text("scripts", properties.get(SCRIPTS, "")), Text("dry run", properties.get(DRY_RUN, ""))]
    return [*own, *databases.texts(properties)]


def _faults(properties: Properties) -> Iterator[Fault]:
    yield from databases.faults(properties)
    try:
        scripts(properties.get(SCRIPTS, ""))
    except BadScripts as problem:
        yield Fault(f"has scripts that cannot be read. {problem}")
    if (table := properties.get(TABLE)) and not is_table(table):
        yield Fault(f'has the journal table "{table[:63]}", which is not letters, digits and underscores.')
    if (choice := properties.get(TRANSACTION)) and choice not in set(Transaction):
        yield Fault(f'has the transaction "{choice[:40]}", where only {", ".join(Transaction)} can stand.')
    yield from databases.number_faults(properties, [(TIMEOUT, "seconds for each statement", MOST_SECONDS)])


def _work(properties: Properties, fill: Fill) -> Program:
    given = [
        {"name": one.name, "checksum": one.checksum, "text": fill(one.text)}
        for one in scripts(properties.get(SCRIPTS, ""))
    ]
    return Program(
        databases.PROGRAM,
        {
            "do": "migrate",
            **databases.inputs(properties, fill),
            "scripts": json.dumps(given),
            "table": properties.get(TABLE) or DEFAULT_TABLE,
            "transaction": properties.get(TRANSACTION) or Transaction.ONE,
            "dry_run": fill(properties.get(DRY_RUN, "")),
            "timeout": properties.get(TIMEOUT) or "0",
        },
    )


MIGRATE = StepType(
    key=MIGRATE_ACTION,
    work=_work,
    texts=_texts,
    needs=lambda _: databases.NEEDS,
    faults=_faults,
    labels=LABELS,
)
