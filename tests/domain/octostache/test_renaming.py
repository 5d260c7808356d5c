"""Where templates refer to a variable, and templates with another name there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.octostache import CannotRefer, evaluate_detailed, references, refers_to, renamed
from domain.octostache.renaming import places
from tests.domain.octostache.test_properties import templates


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#{Host}", "#{Server}"),
        ("#{ host }:#{HOST}", "#{ Server }:#{Server}"),
        ("#{Host | ToUpper | Append #{Host}}", "#{Server | ToUpper | Append #{Server}}"),
        ('#{if Host == "Host"}#{Host}#{else}x#{/if}', '#{if Server == "Host"}#{Server}#{else}x#{/if}'),
        (
            "#{unless Host}#{if A != Host}b#{/if}#{/unless}",
            "#{unless Server}#{if A != Server}b#{/if}#{/unless}",
        ),
        ("#{calc Host + 1}", "#{calc Server + 1}"),
        ("#{A[#{Host}]}", "#{A[#{Server}]}"),
        ("#{each x in Host}#{x}#{/each}", "#{each x in Server}#{x}#{/each}"),
        (
            "#{each Host in Hosts}#{Host} #{Host.Name}#{/each} #{Host}",
            "#{each Host in Hosts}#{Host} #{Host.Name}#{/each} #{Server}",
        ),
        ("###{Host}", "###{Server}"),
        # Not references to it:
        ("##{Host}", "##{Host}"),
        ("Host", "Host"),
        ("#{Hosts} #{My.Host} #{A[Host]}", "#{Hosts} #{My.Host} #{A[Host]}"),
        ("#{A | Append Host}", "#{A | Append Host}"),
        ('#{A | Append "Host"}', '#{A | Append "Host"}'),
        ("#{Host", "#{Host"),
        # Parts of it:
        ("#{Host.Name} #{Host[0].Port}", "#{Server.Name} #{Server[0].Port}"),
        ("#{Host[#{Which}]}", "#{Server[#{Which}]}"),
        ("#{A | Append #{if Host}#{Host}#{/if}}", "#{A | Append #{if Server}#{Server}#{/if}}"),
    ],
)
def test_renamed(before, after):
    assert renamed(before, "Host", "Server") == after


def test_a_longer_name_that_fits_is_meant_instead():
    text = "#{Host.Port} #{Host.Name} #{Host[#{X}]}"
    assert renamed(text, "Host", "Server", known=["Host", "Host.Port"]) == (
        "#{Host.Port} #{Server.Name} #{Server[#{X}]}"
    )
    assert renamed(text, "Host", "Server", known=["Host[a]"]).endswith("#{Host[#{X}]}")
    assert renamed(text, "Host.Port", "Port") == "#{Port} #{Host.Name} #{Host[#{X}]}"


def test_names_of_several_steps():
    assert renamed("#{Database.Host | Trim}", "database.host", "Db") == "#{Db | Trim}"
    assert renamed("#{A [ x ] }", "A[x]", "B") == "#{B }"


def test_a_name_that_no_reference_reaches():
    with pytest.raises(CannotRefer):
        renamed("#{Host}", "Host", "a}b")


def test_whether_a_template_refers():
    assert refers_to("#{if host}x#{/if}", "Host")
    assert not refers_to("##{Host}", "Host")


@given(templates)
def test_the_places_are_those_that_the_parser_knows(template):
    found = {one.symbol.name for one in places(template) if one.symbol.key is not None}
    known = {name for name in references(template) if name.casefold() != "else"}
    assert known <= found | {"else"}
    assert {name for name in found if "." not in name} <= known | found


@given(templates, st.sampled_from(["A", "b", "A.b", "A[x]"]))
def test_renaming_there_and_back_gives_the_same_meaning(template, name):
    there = renamed(template, name, "Quite.Another")
    values = {"A": "1", "b": "2", "A.b": "3", "A[x]": "4"}
    moved = {("Quite.Another" if key == name else key): value for key, value in values.items()}
    if not refers_to(template, name):
        assert there == template
    before = evaluate_detailed(template, {name: values[name]})
    after = evaluate_detailed(there, {"Quite.Another": moved["Quite.Another"]})
    if not before.missing and not before.unevaluated and not before.errors:
        assert after.text == before.text
