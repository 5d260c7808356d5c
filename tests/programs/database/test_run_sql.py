"""Run SQL on real databases."""

from __future__ import annotations

import json

import pytest

SETUP = (
    "create table orders (id int primary key, city varchar(40));\n"
    "insert into orders values (1, 'Köln'), (2, null);"
)


def test_results_are_tables_and_outputs(perform, database):
    heard = perform(database, do="run", script=f"{SETUP}\nselect id, city from orders order by id;")

    assert heard.failure == ""
    assert "id | city\n---+-----\n 1 | Köln\n 2 | NULL\n2 rows (" in heard.log
    assert "2 rows changed" in heard.log
    assert "Committed." in heard.log
    assert heard.outputs["RowCount"] == "2"
    assert heard.outputs["FirstCell"] == "1"
    assert json.loads(heard.outputs["Rows"]) == [{"id": 1, "city": "Köln"}, {"id": 2, "city": None}]
    assert heard.sensitive == set()
    assert database.rows("select count(*) from orders") == [(2,)]


def test_a_failure_undoes_all_of_it_and_is_placed(perform, database):
    perform(database, do="run", script=SETUP)

    heard = perform(
        database, do="run", script="insert into orders values (3, 'x');\n\nselect nonsense from orders;"
    )

    assert heard.failure.startswith("Statement 2 of 2, line 3: ")
    assert "nonsense" in heard.failure
    assert heard.failure.endswith("Everything was rolled back.")
    assert database.rows("select count(*) from orders") == [(2,)]


def test_each_by_itself_keeps_what_was_done(perform, database):
    script = f"{SETUP}\nselect nonsense from orders;"

    heard = perform(database, do="run", script=script, transaction="Each")

    assert heard.failure.endswith("Statements 1 to 2 stay done.")
    assert database.rows("select count(*) from orders") == [(2,)]


def test_changes_of_tables_are_told_as_the_database_has_them(perform, database):
    """MySQL makes them final; the others roll them back."""
    heard = perform(
        database, do="run", script="create table t (x int);\ninsert into t values (1);\nselect nonsense;"
    )

    if database.kind == "MySQL":
        assert "Statement 1 stays done: that was final already. What came after was" in heard.failure
        assert database.rows("select count(*) from t") == [(0,)]
    else:
        assert heard.failure.endswith("Everything was rolled back.")
        with pytest.raises(Exception, match="t"):
            database.rows("select count(*) from t")


def test_a_script_that_commits_by_itself_is_told_so(perform, postgres):
    heard = perform(postgres, do="run", script="create table t (x int); commit; select nonsense")

    assert "Statements 1 to 2 stay done: that was final already." in heard.failure
    assert postgres.rows("select count(*) from t") == [(0,)]


def test_parameters_cannot_change_the_statement(perform, database):
    perform(database, do="run", script=SETUP)
    evil = "x'); drop table orders; -- %s"

    heard = perform(
        database,
        do="run",
        script="insert into orders values (9, :city);\n"
        "select city, '100%' as share from orders where city = :city",
        parameters=json.dumps({"city": evil, "unused": "1"}),
    )

    assert heard.failure == ""
    assert heard.outputs["FirstCell"] == evil
    assert database.rows("select count(*) from orders") == [(3,)]


def test_long_results_are_cut_in_the_log_but_counted(perform, database):
    series = " union all ".join(f"select {number} as n" for number in range(250))

    heard = perform(database, do="run", script=series, rows="3")

    assert "250 rows, of which 3 are shown" in heard.log
    assert heard.outputs["RowCount"] == "250"
    assert len(json.loads(heard.outputs["Rows"])) == 3


def test_hidden_results_are_in_no_log_and_sensitive(perform, database):
    heard = perform(database, do="run", script="select 'geheim' as word", hide="True")

    assert "geheim" not in heard.log
    assert heard.outputs["FirstCell"] == "geheim"
    assert heard.sensitive == {"FirstCell", "Rows"}


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("postgres", "select pg_sleep(30)"),
        ("mariadb", "select benchmark(2000000000, sha2('a', 512))"),
        ("sqlite", "with recursive c(x) as (select 1 union all select x+1 from c) select count(*) from c"),
    ],
)
def test_a_statement_is_stopped_at_its_limit(perform, request, name, script):
    heard = perform(request.getfixturevalue(name), do="run", script=script, timeout="1")

    assert "It took longer than 1 s, and was stopped." in heard.failure


def test_what_postgresql_says_beside_its_answer_is_in_the_log(perform, postgres):
    heard = perform(postgres, do="run", script="do $$ begin raise notice 'half way; %', 7; end $$")

    assert "NOTICE: half way; 7" in heard.log


def test_postgresql_points_to_the_line(perform, postgres):
    heard = perform(postgres, do="run", script="select 1;\nselect\n  1\nfrom nowhere")

    assert 'relation "nowhere" does not exist (line 4 of the SQL)' in heard.failure


def test_a_procedure_with_several_results(perform, mariadb):
    script = (
        "delimiter //\ncreate procedure p() begin select 1 as a; select 2 as b; end//\ndelimiter ;\ncall p()"
    )

    heard = perform(mariadb, do="run", script=script)

    assert heard.failure == ""
    assert "a\n-\n1" in heard.log
    assert "b\n-\n2" in heard.log


def test_what_acts_on_a_terminal_or_breaks_the_table_is_written_out(perform, sqlite):
    heard = perform(sqlite, do="run", script="select 'a' || char(10) || 'b' || char(27) as t, x'00ff' as raw")

    assert "a⏎b· | 0x00ff" in heard.log


def test_a_password_is_never_told(perform, mariadb):
    mariadb.connection = mariadb.connection.replace("root@", "root:geheim@")

    heard = perform(mariadb, do="run", script="select 1")

    assert "cannot be reached" in heard.failure
    assert "geheim" not in heard.failure + heard.log + heard.verbose


def test_nothing_to_run_and_no_server_are_said(perform, sqlite, postgres):
    assert "nothing in the SQL" in perform(sqlite, do="run", script="-- later").failure

    postgres.connection = "postgresql://postgres@127.0.0.1:1/x"
    assert "PostgreSQL at 127.0.0.1:1, database x, as postgres cannot be reached" in (
        perform(postgres, do="run", script="select 1").failure
    )


def test_no_server_of_sql_server(perform, sqlite):
    sqlite.kind, sqlite.connection = (
        "SqlServer",
        "Server=tcp:127.0.0.1,1;Database=x;User Id=sa;Password=geheim",
    )

    heard = perform(sqlite, do="run", script="select 1")

    assert "SQL Server at 127.0.0.1:1, database x, as sa cannot be reached: " in heard.failure
    assert "Unable to connect" in heard.failure
    assert "geheim" not in heard.failure
