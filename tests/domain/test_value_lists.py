import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.value_lists import MOST, CannotRead, Pasted, parse


def pairs(text):
    return [(one.name, one.value) for one in parse(text) if not one.problem]


def test_lines_as_in_files_of_environment_variables():
    text = "# of the database\nHOST=db\n\nexport PORT = 5432\nURL=a=b\nQUOTED=\"a b \"\nSINGLE='x'\nEMPTY=\n"
    assert pairs(text) == [
        ("HOST", "db"),
        ("PORT", "5432"),
        ("URL", "a=b"),
        ("QUOTED", "a b "),
        ("SINGLE", "x"),
        ("EMPTY", ""),
    ]


def test_a_json_object_and_a_list_of_variables():
    text = '{"Host": "db", "Port": 5432, "On": true, "None": null, "List": [1, "é"]}'
    assert pairs(text) == [
        ("Host", "db"),
        ("Port", "5432"),
        ("On", "true"),
        ("None", ""),
        ("List", '[1, "é"]'),
    ]
    assert parse('[{"Name": "A", "Value": "1", "Description": "d", "Scope": {}}]') == (Pasted("A", "1", "d"),)


def test_csv_with_its_columns_in_any_order():
    text = 'Value,Name,Description\n"two\nlines",A,first\n"say ""so""",B\n'
    assert parse(text) == (Pasted("A", "two\nlines", "first"), Pasted("B", 'say "so"'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to read"),
        (" \n", "nothing to read"),
        ('{"A": 1,\n}', "in line 2"),
        ("[1]", "has to hold objects"),
        ("[" * 100_000, "is none"),
        ("\n".join(f"A{n}=1" for n in range(MOST + 1)), "at most 1,000"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text, message):
    with pytest.raises(CannotRead, match=message):
        parse(text)


def test_a_line_or_a_name_that_is_wrong_is_kept_with_its_problem():
    found = parse("just words\nA#=1\nB=2\n" + "n" * 201 + "=1")
    assert [bool(one.problem) for one in found] == [True, True, False, True]
    assert found[0].problem == "Line 1 has no NAME=value."


names = st.text(alphabet="aÄ1._-", min_size=1, max_size=8)
texts = st.text(alphabet='aé" =\n\\', max_size=8)


@given(st.dictionaries(names, texts, min_size=1, max_size=4))
def test_json_gives_back_what_was_put_in(values):
    assert dict(pairs(json.dumps(values))) == values
