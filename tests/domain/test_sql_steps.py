"""Run SQL: what is wrong with its settings, and what the worker is given."""

from __future__ import annotations

import json

import pytest

from domain import step_types
from domain.processes import ActionDef
from domain.step_types import Program, databases, sql
from domain.step_types.sql import SQL_ACTION, BadParameter, parameters
from tests.domain.test_planning import DEFAULT, planned

PLAIN = {
    databases.KIND: "PostgreSQL",
    databases.CONNECTION: "postgresql://app:#{Db.Password}@db/orders",
    sql.SCRIPT: "select '#{City}'",
}
PARTS = {databases.KIND: "MySQL", databases.CONNECT_BY: "Parts", databases.HOST: "db", sql.SCRIPT: "select 1"}
SQL = step_types.find(SQL_ACTION)


def sentences(properties) -> list[str]:
    return [fault.sentence for fault in SQL.faults(properties)]


def test_what_is_whole_has_no_faults_and_needs_an_agent_with_programs():
    assert sentences(PLAIN) == sentences(PARTS) == []
    assert SQL.needs(PLAIN) == ("step-programs",)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({databases.KIND: "Oracle"}, 'works on the database "Oracle", where only PostgreSQL, MySQL'),
        ({databases.CONNECTION: " "}, "has no connection string."),
        (
            {databases.CONNECTION: "postgresql://app:geheim@db/o"},
            "has a password written into its connection",
        ),
        (
            {databases.CONNECTION: "Server=db;Pwd=geheim"},
            "has a password written into its connection string.",
        ),
        ({databases.TLS: "Maybe"}, 'has the encryption "Maybe"'),
        ({sql.SCRIPT: " \n"}, "has no SQL."),
        ({sql.TRANSACTION: "Two"}, 'has the transaction "Two", where only One or Each can stand.'),
        (
            {sql.ROWS: "10001"},
            'is set to "10001" rows in the log, which is not a whole number from 0 to 10,000.',
        ),
        ({sql.TIMEOUT: "soon"}, 'is set to "soon" seconds for each statement'),
        ({sql.PARAMETERS: "city"}, 'has a parameter that cannot be read. "city" is not a name'),
    ],
)
def test_each_fault_is_said(changes, sentence):
    [found] = sentences(PLAIN | changes)

    assert found.startswith(sentence)
    assert "geheim" not in found


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({databases.HOST: ""}, "says no server of the database."),
        ({databases.PASSWORD: "geheim"}, "has its password written out."),
        ({databases.PASSWORD: "a#{Db.Password}"}, "has its password written out."),
        ({databases.KIND: "SQLite"}, "says no file of the SQLite database."),
    ],
)
def test_faults_of_parts(changes, sentence):
    [found] = sentences(PARTS | changes)

    assert found.startswith(sentence)


@pytest.mark.parametrize(
    "connection",
    [
        "#{Db}",
        "postgresql://app:#{P}@db/o",
        "postgresql://app@db:5432/o",
        "Server=a;Password=#{P};",
        "mysql://db/o",
    ],
)
def test_references_are_no_written_passwords(connection):
    assert not databases.has_plain_password(connection)


def test_the_program_gets_everything_filled():
    work = SQL.work(
        PLAIN | {sql.PARAMETERS: "a = #{A}\n\nb=x=y", sql.ROWS: "5"},
        lambda text: text.replace("#{A}", "1\nc=2"),
    )

    assert isinstance(work, Program)
    assert (work.name, work.inputs["do"], work.inputs["rows"]) == ("database", "run", "5")
    assert json.loads(work.inputs["parameters"]) == {"a": "1\nc=2", "b": "x=y"}
    assert (work.inputs["transaction"], work.inputs["timeout"]) == ("One", "0")


@pytest.mark.parametrize("text", ["1a = x", "a b = x", "= x", "a = 1\na = 2"])
def test_what_is_no_parameter_is_refused(text):
    with pytest.raises(BadParameter):
        parameters(text)


def test_the_plan_says_which_text_lacks_a_value():
    result = planned(
        ActionDef("a1", "Ask", action_type=SQL_ACTION, properties=PLAIN), pools={DEFAULT.id: DEFAULT}
    )

    found = [problem.message for problem in result.problems]
    assert any(one.startswith("The SQL of step 1 refers to #{City}, which has no value") for one in found)
    assert any(one.startswith("The connection string of step 1 refers to #{Db.Password}") for one in found)


def test_comparisons_call_the_settings_by_their_names():
    assert step_types.property_names()[sql.SCRIPT] == "SQL"
    assert step_types.property_names()[databases.CONNECTION] == "Connection string"
