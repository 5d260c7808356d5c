"""Migrate a database: scripts that run once each, in their order, and a journal that is true."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from programs.database.connections import Connection, connected
from programs.database.journal import DONE, FAILED, STARTED, Entry, Journal
from programs.database.lexing import MYSQL, SQL_SERVER
from programs.database.locks import alone
from programs.database.running import Runner, StatementFailed
from programs.database.statements import Statement, split
from programs.kit import say
from programs.kit.given import Failed, Given

_ENDS = ("abort", "begin", "commit", "end", "rollback", "savepoint", "start transaction")
#: In SQL Server BEGIN and END are brackets.
_ENDS_OF_SQL_SERVER = ("begin tran", "commit", "rollback", "save tran")


@dataclass(frozen=True)
class Script:
    name: str
    checksum: str
    statements: Sequence[Statement]


def migrate(given: Given) -> None:
    """Raises `Failed`."""
    scripts = [_script(one, given.text("kind")) for one in json.loads(given.text("scripts", "[]"))]
    is_dry = _is_dry(given.text("dry_run"))
    table = given.text("table", "octoworkers_migrations")
    with connected(given) as connection:
        mode = "Each" if connection.kind == MYSQL else given.text("transaction", "One")
        if mode != "Each":
            _refuse_ends(scripts, connection.kind)
        journal = Journal(connection, table)
        if is_dry:
            _list(pending(scripts, journal.read()), of=len(scripts))
            return
        with alone(connection, table):
            Migration(connection, given, journal, mode).run(scripts)


def _script(one: Mapping[str, str], kind: str) -> Script:
    try:
        statements = split(one["text"].replace("\r\n", "\n"), kind)
    except Failed as failed:
        raise Failed(f"{one['name']}: {failed}") from None
    if not statements:
        raise Failed(f"{one['name']} has nothing in it but space and comments.")
    return Script(one["name"], one["checksum"], statements)


def _is_dry(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("", "true", "false", "yes", "no", "1", "0"):
        raise Failed(f'Dry run is "{text[:40]}", where only True or False can stand. Nothing was run.')
    return word in ("true", "yes", "1")


def _refuse_ends(scripts: Sequence[Script], kind: str) -> None:
    words = _ENDS_OF_SQL_SERVER if kind == SQL_SERVER else _ENDS
    for script in scripts:
        for statement in script.statements:
            if " ".join(statement.text.lower().split()[:2]).startswith(words):
                raise Failed(
                    f"{script.name}, line {statement.line}: the transaction is the step's, so that a script "
                    "has no BEGIN, COMMIT or ROLLBACK of its own. Nothing was run."
                )


def pending(scripts: Sequence[Script], journal: Mapping[str, Entry]) -> list[Script]:
    """What has not run yet. Raises `Failed` for what cannot go on."""
    waiting: list[Script] = []
    for script in scripts:
        entry = journal.get(script.name)
        if entry is None:
            waiting.append(script)
            continue
        _check(script, entry, waiting)
    known = {script.name for script in scripts}
    for name in journal:
        if name not in known:
            say.warning(f"{name} is in the journal of this database, and not among the scripts any more.")
    return waiting


def _check(script: Script, entry: Entry, waiting: Sequence[Script]) -> None:
    if entry.state != DONE:
        raise Failed(
            f"{script.name} came to no end the last time: {entry.note} Put the database in order by hand. "
            "Then delete the script's row from the journal, so that it runs again as a whole, or set its "
            f"state to '{DONE}'. Nothing was run."
        )
    if entry.checksum != script.checksum:
        raise Failed(
            f"{script.name} was changed after it had been applied. Restore it as it was (its check sum was "
            f"{entry.checksum[:12]}, and is {script.checksum[:12]}), and put the change into a new script. "
            "Nothing was run."
        )
    if waiting:
        raise Failed(
            f"{waiting[0].name} stands before {script.name}, which has been applied already. New scripts go "
            "to the end. Nothing was run."
        )


def _list(waiting: Sequence[Script], *, of: int) -> None:
    """A dry run."""
    if not waiting:
        say.info(_nothing(of))
    for script in waiting:
        count = len(script.statements)
        say.highlight(f"Would run {script.name} ({count} statement{'' if count == 1 else 's'})")
    _set_outputs(applied=(), left=waiting)


def _nothing(count: int) -> str:
    return f"Nothing to do: all {count} scripts have been applied."


def _set_outputs(*, applied: Sequence[Script], left: Sequence[Script]) -> None:
    say.set_output("Applied", str(len(applied)))
    say.set_output("Pending", str(len(left)))
    say.set_output("Scripts", "\n".join(script.name for script in (applied or left)))


class Migration:
    """`mode` is One, Script or Each, as the step has it; MySQL, which cannot roll back changes of tables,
    is always Each."""

    def __init__(self, connection: Connection, given: Given, journal: Journal, mode: str) -> None:
        self._connection = connection
        self._runner = Runner(connection, given)
        self._journal = journal
        self._mode = mode
        self._run_by = given.variable("Octopus.Task.Id")

    def run(self, scripts: Sequence[Script]) -> None:
        """Raises `Failed`."""
        if self._mode == "Each":
            self._connection.each_by_itself()
        self._journal.create()
        self._commit()
        waiting = pending(scripts, self._journal.read())
        done: list[Script] = []
        for number, script in enumerate(waiting, start=1):
            say.progress(100 * (number - 1) // len(waiting), script.name)
            self._apply(script, done)
            done.append(script)
        if self._mode == "One":
            self._commit()
        if done:
            say.info(f"Applied {len(done)} of {len(scripts)} scripts.")
        else:
            say.info(_nothing(len(scripts)))
        _set_outputs(applied=done, left=())

    def _apply(self, script: Script, done: Sequence[Script]) -> None:
        say.highlight(f"Running {script.name}")
        if self._mode == "Each":
            note = "it was interrupted, and some of its statements may have run."
            self._write(script, STARTED, note)
        else:
            self._connection.begin()
        try:
            self._runner.execute(script.statements)
        except StatementFailed as failed:
            raise Failed(f"{script.name}: {failed}\n{self._after(script, failed, done)}") from None
        self._write(script, DONE)
        if self._mode == "Script":
            self._commit()

    def _write(self, script: Script, state: str, note: str = "") -> None:
        self._journal.write(Entry(script.name, script.checksum, state, note), run_by=self._run_by)

    def _commit(self) -> None:
        try:
            self._connection.commit()
        except Exception as error:
            raise Failed(f"It could not be committed: {self._connection.reason(error)}") from None

    def _after(self, script: Script, failed: StatementFailed, done: Sequence[Script]) -> str:
        """What is so now, written down where it is more than nothing."""
        before = f"{len(done)} of the scripts before it were applied and stay so. " if done else ""
        if self._mode == "One":
            self._connection.rollback()
            return "Everything was rolled back: the database is as it was before this step."
        if self._mode == "Script":
            self._connection.rollback()
            return f"{before}{script.name} was rolled back as a whole."
        stay = failed.number - 1
        told = f"its first {stay} of {len(script.statements)} statements have run, the next one failed."
        # A connection that is gone leaves it as it was begun.
        with contextlib.suppress(Exception):
            self._write(script, FAILED, told)
        return f"{before}{script.name}: {told} The journal has it as unfinished."
