"""Migrate a database: how its scripts are read, and what is wrong with its settings."""

from __future__ import annotations

import json

import pytest

from domain import step_types
from domain.step_types import Program, databases, migrations
from domain.step_types.migrations import MIGRATE_ACTION, BadScripts, scripts

TEXT = "\n-- migration: 001_a.sql\ncreate table a (x int);\n--  Migration:  002 b \nselect '#{Name}';\n\n"
PLAIN = {databases.KIND: "SQLite", databases.CONNECTION: "#{Db}", migrations.SCRIPTS: TEXT}
MIGRATE = step_types.find(MIGRATE_ACTION)


def test_scripts_stand_behind_their_names_in_order():
    found = scripts(TEXT)

    assert [(one.name, one.text.strip(), one.line) for one in found] == [
        ("001_a.sql", "create table a (x int);", 3),
        ("002 b", "select '#{Name}';", 5),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There is no script."),
        ("select 1;", "The first line has to name the first script"),
        ("-- migration: a\n\n", "The script a is empty."),
        ("-- migration: a\nx\n-- migration: A\nx", "The script A is there twice."),
        ("-- migration:\nx", "A script needs a name"),
        (f"-- migration: {'a' * 201}\nx", "A script needs a name of 1 to 200 characters"),
    ],
)
def test_what_cannot_be_read_is_said(text, message):
    with pytest.raises(BadScripts, match=message):
        scripts(text)
    assert any(
        message.split(",")[0][:20] in fault.sentence
        for fault in MIGRATE.faults({**PLAIN, migrations.SCRIPTS: text})
    )


def test_a_check_sum_is_that_of_what_was_written():
    [one], [spaced] = (
        scripts("-- migration: a\nselect 1\n"),
        scripts("-- migration: a\r\n\r\nselect 1  \r\n\r\n"),
    )
    [other] = scripts("-- migration: a\nselect 2\n")

    assert one.checksum == spaced.checksum
    assert one.checksum != other.checksum


def test_values_are_put_into_scripts_and_not_into_check_sums():
    work = MIGRATE.work(
        {**PLAIN, migrations.DRY_RUN: "#{Dry}"},
        lambda text: text.replace("#{Name}", "x").replace("#{Dry}", "True"),
    )

    assert isinstance(work, Program)
    given = json.loads(work.inputs["scripts"])
    assert "select 'x';" in given[1]["text"]
    assert [one["checksum"] for one in given] == [one.checksum for one in scripts(TEXT)]
    assert (work.inputs["do"], work.inputs["dry_run"]) == ("migrate", "True")
    assert (work.inputs["table"], work.inputs["transaction"]) == ("octoworkers_migrations", "One")


def test_what_is_whole_has_no_faults():
    assert list(MIGRATE.faults(PLAIN)) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({migrations.TABLE: "a; drop"}, 'has the journal table "a; drop"'),
        ({migrations.TRANSACTION: "Two"}, 'has the transaction "Two"'),
        ({migrations.TIMEOUT: "-1"}, 'is set to "-1" seconds for each statement'),
        ({databases.CONNECTION: ""}, "has no connection string."),
    ],
)
def test_each_fault_is_said(changes, sentence):
    [fault] = MIGRATE.faults(PLAIN | changes)

    assert fault.sentence.startswith(sentence)
