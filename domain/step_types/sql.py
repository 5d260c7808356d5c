"""Run SQL: statements on a database that a worker reaches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum

from domain.step_types import databases
from domain.step_types.base import Fault, Fill, Program, Properties, StepType, Text

SQL_ACTION = "Octoworkers.RunSql"
_PREFIX = "Octoworkers.Action.Sql."
SCRIPT = f"{_PREFIX}Script"
PARAMETERS = f"{_PREFIX}Parameters"
TRANSACTION = f"{_PREFIX}Transaction"
ROWS = f"{_PREFIX}RowLimit"
TIMEOUT = f"{_PREFIX}StatementTimeout"
HIDE = f"{_PREFIX}HideResults"

LABELS = {
    **databases.LABELS,
    SCRIPT: "SQL",
    PARAMETERS: "Parameters",
    TRANSACTION: "Transaction",
    ROWS: "Rows in the log",
    TIMEOUT: "Seconds for each statement",
    HIDE: "Results kept out of the log",
}
MOST_ROWS = 10_000
MOST_SECONDS = 86_400
DEFAULT_ROWS = 100
_PARAMETER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,62})\s*=(.*)\Z", re.DOTALL)


class Transaction(StrEnum):
    """What is undone when a statement fails: all of the step, or nothing but the statement."""

    ONE = "One"
    EACH = "Each"


class BadParameter(ValueError):
    """A line that is no parameter; the message is a sentence about it."""


def parameters(text: str) -> dict[str, str]:
    """The template of each parameter by its name, from lines such as `city = #{City}`. Split before
    values are put in: what a value holds never becomes another parameter. Raises `BadParameter`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _PARAMETER.match(line)
        if match is None:
            raise BadParameter(f'"{line.strip()[:40]}" is not a name, an equals sign and a value.')
        if match[1] in found:
            raise BadParameter(f"The parameter {match[1]} is there twice.")
        found[match[1]] = match[2].strip()
    return found


def _texts(properties: Properties) -> list[Text]:
    own = [
        Text("SQL", properties.get(SCRIPT, "")),
        Text("list of parameters", properties.get(PARAMETERS, "")),
    ]
    return [*own, *databases.texts(properties)]


def _faults(properties: Properties) -> Iterator[Fault]:
    yield from databases.faults(properties)
    if not properties.get(SCRIPT, "").strip():
        yield Fault("has no SQL.")
    if (choice := properties.get(TRANSACTION)) and choice not in set(Transaction):
        yield Fault(f'has the transaction "{choice[:40]}", where only {" or ".join(Transaction)} can stand.')
    limits = [(ROWS, "rows in the log", MOST_ROWS), (TIMEOUT, "seconds for each statement", MOST_SECONDS)]
    yield from databases.number_faults(properties, limits)
    try:
        parameters(properties.get(PARAMETERS, ""))
    except BadParameter as problem:
        yield Fault(f"has a parameter that cannot be read. {problem}")


def _work(properties: Properties, fill: Fill) -> Program:
    given = parameters(properties.get(PARAMETERS, ""))
    return Program(
        databases.PROGRAM,
        {
            "do": "run",
            **databases.inputs(properties, fill),
            "script": fill(properties.get(SCRIPT, "")),
            "parameters": json.dumps({name: fill(template) for name, template in given.items()}),
            "transaction": properties.get(TRANSACTION) or Transaction.ONE,
            "rows": properties.get(ROWS) or str(DEFAULT_ROWS),
            "timeout": properties.get(TIMEOUT) or "0",
            "hide": properties.get(HIDE, ""),
        },
    )


SQL = StepType(
    key=SQL_ACTION,
    work=_work,
    texts=_texts,
    needs=lambda _: databases.NEEDS,
    faults=_faults,
    labels=LABELS,
)
