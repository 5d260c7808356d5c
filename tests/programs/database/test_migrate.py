"""Migrate a database on real servers: once each, in order, and a journal that is true."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from domain.step_types.migrations import scripts
from tasks.engine.programs import packed

ONE = (
    "-- migration: 001_orders.sql\n"
    "create table orders (id int primary key);\ninsert into orders values (1);\n"
)
TWO = "-- migration: 002_city.sql\nalter table orders add city varchar(40);\nupdate orders set city = 'x';\n"
BROKEN = (
    "-- migration: 003_broken.sql\ninsert into orders (id) values (7);\n"
    "select nonsense from orders;\ninsert into orders (id) values (8);\n"
)
NAMES = "select name, state from octoworkers_migrations order by name"


def inputs(text: str, **changes: str) -> dict[str, str]:
    given = [{"name": one.name, "checksum": one.checksum, "text": one.text} for one in scripts(text)]
    return {"do": "migrate", "scripts": json.dumps(given), **changes}


def test_each_script_runs_once_and_in_order(perform, database):
    first = perform(database, **inputs(ONE))
    second = perform(database, **inputs(ONE + TWO))
    third = perform(database, **inputs(ONE + TWO))

    assert [one.failure for one in (first, second, third)] == ["", "", ""]
    assert (second.outputs["Applied"], second.outputs["Scripts"]) == ("1", "002_city.sql")
    assert "Nothing to do: all 2 scripts have been applied." in third.log
    assert database.rows("select id, city from orders") == [(1, "x")]
    assert database.rows(NAMES) == [("001_orders.sql", "done"), ("002_city.sql", "done")]


def test_a_dry_run_lists_and_changes_nothing(perform, database):
    fresh = perform(database, **inputs(ONE + TWO, dry_run="True"))
    perform(database, **inputs(ONE))
    later = perform(database, **inputs(ONE + TWO, dry_run="yes"))

    assert "Would run 001_orders.sql (2 statements)" in fresh.verbose + fresh.log
    assert (fresh.outputs["Pending"], later.outputs["Pending"]) == ("2", "1")
    assert later.outputs["Scripts"] == "002_city.sql"
    assert database.rows(NAMES) == [("001_orders.sql", "done")]


def test_an_error_in_the_middle_leaves_the_database_and_the_journal_true(perform, database):
    heard = perform(database, **inputs(ONE + TWO + BROKEN))

    assert heard.failure.startswith("003_broken.sql: Statement 2 of 3, line 2: ")
    if database.kind == "MySQL":
        assert "its first 1 of 3 statements have run, the next one failed." in heard.failure
        assert database.rows("select id from orders order by id") == [(1,), (7,)]
        assert database.rows(NAMES)[2] == ("003_broken.sql", "failed")
    else:
        assert heard.failure.endswith("the database is as it was before this step.")
        assert database.rows(NAMES) == []
        with pytest.raises(Exception, match="orders"):
            database.rows("select 1 from orders")


def test_a_script_that_came_to_no_end_is_not_run_again_by_itself(perform, database):
    perform(database, **inputs(ONE + BROKEN, transaction="Each"))

    heard = perform(database, **inputs(ONE + BROKEN.replace("nonsense", "id"), transaction="Each"))

    assert "003_broken.sql came to no end the last time: its first 1 of 3" in heard.failure
    assert database.rows("select id from orders order by id") == [(1,), (7,)]


@pytest.mark.parametrize("name", ["postgres", "sqlite"])
def test_a_transaction_for_each_script_keeps_those_before(perform, request, name):
    database = request.getfixturevalue(name)

    heard = perform(database, **inputs(ONE + TWO + BROKEN, transaction="Script"))

    assert heard.failure.endswith("003_broken.sql was rolled back as a whole.")
    assert "2 of the scripts before it were applied" in heard.failure
    assert [row[0] for row in database.rows(NAMES)] == ["001_orders.sql", "002_city.sql"]
    assert database.rows("select id from orders") == [(1,)]


def test_a_changed_script_is_refused_before_anything_runs(perform, database):
    perform(database, **inputs(ONE))

    heard = perform(database, **inputs(ONE.replace("(1)", "(2)") + TWO))

    assert "001_orders.sql was changed after it had been applied." in heard.failure
    assert database.rows(NAMES) == [("001_orders.sql", "done")]


def test_space_at_the_ends_and_values_make_no_other_script(perform, sqlite):
    perform(sqlite, **inputs(ONE))

    assert perform(sqlite, **inputs(ONE.replace(";\n", ";  \r\n") + "\n\n")).failure == ""


def test_a_new_script_before_an_applied_one_is_refused(perform, sqlite):
    perform(sqlite, **inputs(ONE))

    heard = perform(sqlite, **inputs("-- migration: 000_first.sql\nselect 1;\n" + ONE))

    assert "000_first.sql stands before 001_orders.sql, which has been applied already." in heard.failure


def test_a_script_that_is_gone_is_a_warning(perform, sqlite):
    perform(sqlite, **inputs(ONE + TWO))

    assert "002_city.sql is in the journal of this database, and not" in perform(sqlite, **inputs(ONE)).log


def test_transactions_of_their_own_are_refused(perform, postgres):
    heard = perform(postgres, **inputs(ONE + "-- migration: 2\nselect 1;\nCOMMIT;\n"))

    assert heard.failure.startswith("2, line 2: the transaction is the step's")
    assert postgres.rows("select to_regclass('orders')::text") == [(None,)]


def test_what_is_neither_true_nor_false_runs_nothing(perform, sqlite):
    assert 'Dry run is "#{Nobody}"' in perform(sqlite, **inputs(ONE, dry_run="#{Nobody}")).failure


def test_two_at_once_take_turns(database, tmp_path: Path):
    """Real processes: the second waits, and finds that nothing is left to do."""
    slow = {
        "PostgreSQL": "select pg_sleep(5)",
        "MySQL": "select sleep(5)",
        "SQLite": "with recursive c(x) as (select 1 union all select x + 1 from c where x < 10000000) "
        "select count(*) from c",
    }[database.kind]
    given = inputs(f"{ONE}{slow};\n", kind=database.kind, connection=database.connection)
    started = [_start(tmp_path / name, given) for name in ("a", "b")]

    logs = [process.communicate()[0] for process in started]

    assert [process.returncode for process in started] == [0, 0], logs
    assert sorted("Applied 1 of 1 scripts" in log for log in logs) == [False, True]
    assert sorted("Nothing to do" in log for log in logs) == [False, True]
    assert "Another migration of this database is running; waiting for it to end." in "".join(logs)
    assert database.rows("select count(*) from orders") == [(1,)]


def _start(home: Path, given: dict[str, str]) -> subprocess.Popen[str]:
    home.mkdir()
    program, path = home / "program.zip", home / "inputs.json"
    program.write_bytes(base64.b64decode(packed("database")))
    path.write_text(json.dumps({"inputs": given, "variables": {}, "home": str(home)}))
    command = [sys.executable, "-I", "-B", "-u", "-X", "utf8", str(program), str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
