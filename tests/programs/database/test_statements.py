"""Where statements end, in each dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.database.statements import bind, split
from programs.kit.given import Failed

KINDS = ["PostgreSQL", "MySQL", "SqlServer", "SQLite"]


def texts(script: str, kind: str) -> list[str]:
    return [one.text for one in split(script, kind)]


@pytest.mark.parametrize(
    ("kind", "script", "expected"),
    [
        ("PostgreSQL", "select 1; select 2", ["select 1", "select 2"]),
        ("PostgreSQL", "select ';'; select \";\"", ["select ';'", 'select ";"']),
        ("PostgreSQL", "select 'it''s;'; select 2;", ["select 'it''s;'", "select 2"]),
        ("PostgreSQL", r"select E'\';'; select 2", [r"select E'\';'", "select 2"]),
        ("PostgreSQL", r"select '\'; select 2", [r"select '\'", "select 2"]),
        ("PostgreSQL", "do $$ begin; end $$; select 1", ["do $$ begin; end $$", "select 1"]),
        ("PostgreSQL", "do $a$ $$;$b$ $a$; select 1", ["do $a$ $$;$b$ $a$", "select 1"]),
        ("PostgreSQL", "select a$1;select $1", ["select a$1", "select $1"]),
        ("PostgreSQL", "/* a; /* b; */ c; */ select 1; -- d;\nselect 2", ["select 1", "select 2"]),
        (
            "PostgreSQL",
            "create or replace function f() returns int begin atomic select case when true then 1 end; "
            "select 2; end; select 3",
            [
                "create or replace function f() returns int begin atomic select case when true then 1 end; "
                "select 2; end",
                "select 3",
            ],
        ),
        ("PostgreSQL", "create rule r as on insert to t do (select 1; select 2); select 3",
         ["create rule r as on insert to t do (select 1; select 2)", "select 3"]),
        ("PostgreSQL", "begin; select 1; end; select 2", ["begin", "select 1", "end", "select 2"]),
        ("PostgreSQL", "select ')'; select 2); select 3", ["select ')'", "select 2)", "select 3"]),
        ("MySQL", r"select '\';'; select 2", [r"select '\';'", "select 2"]),
        ("MySQL", "select 1 # a;\n; select `;` -- b;\n", ["select 1 # a;", "select `;` -- b;"]),
        ("MySQL", "select 1--1; select 2", ["select 1--1", "select 2"]),
        ("MySQL", "/*!40101 SET NAMES utf8 */; select 1", ["/*!40101 SET NAMES utf8 */", "select 1"]),
        (
            "MySQL",
            "select 1;\nDELIMITER $$\ncreate procedure p() begin select 1; end$$\ndelimiter ;\ncall p();",
            ["select 1", "create procedure p() begin select 1; end", "call p()"],
        ),
        ("SqlServer", "select 1; select 2\nGO\nselect 3\n go ; -- x\n", ["select 1; select 2", "select 3"]),
        ("SqlServer", "select '\nGO\n'\nGO", ["select '\nGO\n'"]),
        ("SqlServer", "/*\nGO\n*/ select [a\nGO\n]\nGO\n", ["select [a\nGO\n]"]),
        ("SqlServer", "select go from t\nGOTO x", ["select go from t\nGOTO x"]),
        (
            "SQLite",
            "create trigger t after insert on a begin delete from b; select 1; end; select 2",
            ["create trigger t after insert on a begin delete from b; select 1; end", "select 2"],
        ),
        ("SQLite", "select ';' from [;]; select 2", ["select ';' from [;]", "select 2"]),
    ],
)  # fmt: skip
def test_a_script_is_split(kind, script, expected):
    assert texts(script, kind) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("script", ["", "  \n", "-- nothing\n", "/* nothing */", ";", " ; ;"])
def test_space_comments_and_lone_ends_are_no_statements(kind, script):
    assert split(script, kind) == [] or kind == "SqlServer"


def test_each_knows_its_line_and_how_often_it_runs():
    found = split("-- first\nselect 1\nGO 3\n\n\nselect 2\nGO\nselect 3\nGO 0", "SqlServer")

    assert [(one.text, one.line, one.times) for one in found] == [("select 1", 2, 3), ("select 2", 6, 1)]


@pytest.mark.parametrize(
    ("kind", "script", "what"),
    [
        ("PostgreSQL", "select 1;\nselect 'a", "quote that begins in line 2"),
        ("PostgreSQL", "do $$ begin", "quote that begins in line 1"),
        ("MySQL", "\n\n/* a", "comment that begins in line 3"),
        ("SQLite", 'select "a', "quote that begins in line 1"),
    ],
)
def test_a_quote_or_comment_without_an_end_is_refused(kind, script, what):
    with pytest.raises(Failed, match=what):
        split(script, kind)


def test_too_many_repeats_are_refused():
    with pytest.raises(Failed, match="GO in line 2 runs its batch 5000 times"):
        split("select 1\nGO 5000", "SqlServer")


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("pyformat", ("select %(a)s, x::a, ':a', '5%%' -- :a", ["a"])),
        ("named", ("select :a, x::a, ':a', '5%' -- :a", ["a"])),
    ],
)
def test_parameters_stand_only_in_code(style, expected):
    assert bind("select :a, x::a, ':a', '5%' -- :a", "PostgreSQL", ["a", "b"], style) == expected


@given(st.text(alphabet="';\"$/*-\n abGO`[]\\#:("), st.sampled_from(KINDS))
def test_nothing_is_made_up_and_it_always_ends(script, kind):
    try:
        found = split(script, kind)
    except Failed:
        return
    position = 0
    for one in found:
        position = script.index(one.text, position) + len(one.text)


@given(st.lists(st.sampled_from(["select 1", "insert into t values (';')", "select 'a''b'"]), min_size=1))
def test_what_was_joined_comes_apart(statements):
    assert texts(";\n".join(statements), "SQLite") == statements
