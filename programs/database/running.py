"""Run SQL: one statement after the other, with what each gives."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from programs.database.connections import Connection, connected
from programs.database.lexing import MYSQL
from programs.database.statements import Statement, split
from programs.database.tables import table, text_of
from programs.kit import say
from programs.kit.given import Failed, Given

_BLOCK = 500
#: Characters of the output variable that holds the rows.
_MOST_JSON = 500_000
#: What MySQL makes final by itself, and with it all that came before.
_CHANGES = ("alter", "analyze", "create", "drop", "grant", "lock", "optimize", "rename", "revoke", "truncate")
_COMMITS = ("commit", "end")


@dataclass
class Result:
    """What the script has given so far. `rows` are those of the last table, up to the limit."""

    count: int = 0
    columns: Sequence[str] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)


def run(given: Given) -> None:
    """Raises `Failed`."""
    script = given.text("script").replace("\r\n", "\n")
    statements = split(script, given.text("kind"))
    if not statements:
        raise Failed("There is nothing in the SQL of this step but space and comments.")
    with connected(given) as connection:
        is_one = given.text("transaction", "One") == "One"
        result = Runner(connection, given, is_one=is_one).run(statements)
    _set_outputs(result, hide=given.flag("hide"), limit=given.number("rows", 100))


class StatementFailed(Exception):
    """`number` is that of the statement, from 1; the message says which one it is, where, and what the
    database says."""

    def __init__(self, message: str, number: int, statement: Statement) -> None:
        super().__init__(message)
        self.number = number
        self.statement = statement


class Runner:
    def __init__(self, connection: Connection, given: Given, *, is_one: bool = False) -> None:
        """`is_one`: `run` runs all of them in one transaction."""
        self._connection = connection
        self._parameters: Mapping[str, str] = json.loads(given.text("parameters", "{}"))
        self._limit = given.number("rows", 100)
        self._hide = given.flag("hide")
        self._is_one = is_one
        self._result = Result()
        #: How many statements are final, whatever happens to the transaction.
        self._final = 0

    def run(self, statements: Sequence[Statement]) -> Result:
        """Raises `Failed`."""
        self._begin()
        try:
            self.execute(statements)
        except StatementFailed as failed:
            # MySQL commits before it tries to change a table.
            self._note_final(failed.statement, failed.number - 1, words=_CHANGES)
            raise Failed(f"{failed}\n{self._what_stays(failed.number)}") from None
        if self._is_one:
            self._commit()
        return self._result

    def execute(self, statements: Sequence[Statement]) -> None:
        """In the transaction that there is. Raises `StatementFailed`."""
        for number, statement in enumerate(statements, start=1):
            head = f"Statement {number} of {len(statements)}, line {statement.line}"
            say.verbose(f"{head}: {_first_line(statement.text)}")
            try:
                for _ in range(statement.times):
                    self._one(statement)
            except Exception as error:
                message = f"{head}: {self._place(error, statement)}"
                raise StatementFailed(message, number, statement) from None
            self._note_final(statement, number, words=(*_CHANGES, *_COMMITS))

    def _begin(self) -> None:
        if self._is_one:
            self._connection.begin()
        else:
            self._connection.each_by_itself()

    def _commit(self) -> None:
        try:
            self._connection.commit()
        except Exception as error:
            reason = self._connection.reason(error)
            raise Failed(f"It could not be committed: {reason}\n{self._what_stays(0)}") from None
        say.info("Committed.")

    def _one(self, statement: Statement) -> None:
        started = time.monotonic()
        with self._connection.limited():
            cursor = self._connection.cursor(statement.text, self._parameters)
            self._take(cursor, started)
            while hasattr(cursor, "nextset") and cursor.nextset():
                self._take(cursor, started)
            cursor.close()

    def _take(self, cursor: Any, started: float) -> None:
        if cursor.description:
            self._show(cursor, started)
        else:
            self._tell_count(cursor.rowcount, started)

    def _show(self, cursor: Any, started: float) -> None:
        columns = [column[0] for column in cursor.description]
        kept = list[Sequence[Any]]()
        count = 0
        while block := cursor.fetchmany(_BLOCK):
            count += len(block)
            kept += block[: max(0, self._limit - len(kept))]
        self._result = Result(count, columns, kept)
        if kept and not self._hide:
            say.info(table(columns, kept))
        more = f", of which {len(kept):,} are shown" if count > len(kept) and not self._hide else ""
        say.info(f"{_rows(count)}{more} ({time.monotonic() - started:.2f} s)")

    def _tell_count(self, count: int, started: float) -> None:
        if count is None or count < 0:
            say.info(f"Done ({time.monotonic() - started:.2f} s)")
            return
        self._result.count = count
        say.info(f"{_rows(count)} changed ({time.monotonic() - started:.2f} s)")

    def _place(self, error: Exception, statement: Statement) -> str:
        """With the line that PostgreSQL points to."""
        position = getattr(getattr(error, "diag", None), "statement_position", None)
        if not position or self._parameters:
            return self._connection.reason(error)
        line = statement.line + statement.text.count("\n", 0, int(position))
        return f"{self._connection.reason(error)} (line {line} of the SQL)"

    def _note_final(self, statement: Statement, number: int, *, words: tuple[str, ...]) -> None:
        """Scripts that commit by themselves, and MySQL where it does not ask."""
        first = statement.text.lower()
        if self._connection.kind != MYSQL:
            words = tuple(word for word in words if word in _COMMITS)
        if first.startswith(words):
            self._final = number

    def _what_stays(self, number: int) -> str:
        """The truth about what came before the statement that failed."""
        if not self._is_one:
            return f"{_done(number - 1)}." if number > 1 else "Nothing was run before it."
        if self._final:
            return f"{_done(self._final)}: that was final already. What came after was rolled back."
        return "Everything was rolled back."


def _done(number: int) -> str:
    return "Statement 1 stays done" if number == 1 else f"Statements 1 to {number} stay done"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return f"{line[:200]}…" if len(text) > len(line[:200]) else line


def _set_outputs(result: Result, *, hide: bool, limit: int) -> None:
    say.set_output("RowCount", str(result.count))
    first = text_of(result.rows[0][0]) if result.rows and result.columns else ""
    if result.rows:
        say.set_output("FirstCell", first, sensitive=hide)
    records = [{name: _json(value) for name, value in zip(result.columns, row)} for row in result.rows]
    text = json.dumps(records, ensure_ascii=False)
    if len(text) > _MOST_JSON:
        say.warning(f"The output variable Rows is not set: it would have {len(text):,} characters.")
    elif result.columns:
        say.set_output("Rows", text, sensitive=hide)


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float)) else text_of(value)
