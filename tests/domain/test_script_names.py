"""Names that scripts read while they run."""

from __future__ import annotations

import pytest

from domain.script_names import names_read, with_name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('x=$(get_octopusvariable "Db.Host")', 'x=$(get_octopusvariable "Server")'),
        ("x=$(get_octopusvariable db.host)", "x=$(get_octopusvariable Server)"),
        ("x = get_octopusvariable('Db.Host')", "x = get_octopusvariable('Server')"),
        ('$x = $OctopusParameters["Db.Host"]', '$x = $OctopusParameters["Server"]'),
        ('get_octopusvariable "Db.Hosts"', 'get_octopusvariable "Db.Hosts"'),
        ('echo "Db.Host"', 'echo "Db.Host"'),
        ('my_get_octopusvariable "Db.Host"', 'my_get_octopusvariable "Db.Host"'),
    ],
)
def test_calls_that_name_a_variable(before, after):
    assert with_name(before, "Db.Host", "Server") == after
    assert ("db.host" in names_read(before)) == (before != after)


def test_a_bare_word_gets_quotes_where_the_new_name_needs_them():
    assert with_name("get_octopusvariable Host", "Host", "My host") == 'get_octopusvariable "My host"'
