"""Whatever the server holds can be written to a file and read again; what is wrong has its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octo.folder import texts
from octo.folder.shapes import Shapes, default
from octo.folder.texts import Unreadable
from octo.folder.things import KINDS, Forms
from octoworkers.api.description import openapi

#: What the API takes: any Unicode but NUL and halves of pairs.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
LINES = st.lists(
    st.sampled_from(["", " ", "\t", "x", "- x", "# x", "yes", "a: b", "x ", "'", '"', "é\x85"])
).map("\n".join)
FORMS = Forms(openapi())


@given(st.dictionaries(TEXT, TEXT | LINES, max_size=3))
def test_every_text_survives(value: dict[str, str]) -> None:
    assert texts.read("x.yaml", texts.write(value)).value == value


def of_schema(schema: Any) -> st.SearchStrategy[Any]:
    """Whatever a schema allows, with texts for what is not described."""
    shapes = FORMS.shapes
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "array":
        return st.lists(of_schema(shapes.items(schema)), max_size=min(2, schema.get("maxItems", 2)))
    if "properties" in schema:
        members = {name: of_schema(inner) for name, inner in shapes.members(schema).items()}
        required = {name: members.pop(name) for name in schema.get("required", ()) if name in members}
        return st.fixed_dictionaries(required, optional=members)
    if schema.get("type") == "object":
        inner = shapes.resolved(schema.get("additionalProperties") or {})
        return st.dictionaries(TEXT, of_schema(inner), max_size=2)
    simple = {"boolean": st.booleans(), "integer": st.integers(0, 9)}
    return simple.get(schema.get("type", ""), TEXT.filter(bool))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_a_file_says_all_that_is_sent(kind: str, data: Any) -> None:
    shapes, schema = FORMS.shapes, FORMS[kind]
    resource = data.draw(of_schema(schema))
    file = shapes.written(schema, resource)

    sent = shapes.sent(schema, texts.read("x.yaml", texts.write(file)).value)

    assert shapes.written(schema, sent) == file
    assert set(sent) == set(shapes.members(schema))
    assert all(
        sent[name] == default(member) for name, member in shapes.members(schema).items() if name not in file
    )
    assert list(shapes.problems(schema, file, texts.read("x.yaml", texts.write(file)), ())) == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a: 1\nb: [\n", 3),
        ("a: 1\n\nb: 2\na: 3\n", 4),
        ("a: &x\n  - *x\n", 1),
        ("a: !!python/object:os.system x\n", 1),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: \x01\n", 1),
    ],
)
def test_what_is_no_yaml_has_its_line(content: str, line: int) -> None:
    with pytest.raises(Unreadable) as caught:
        texts.read("x.yaml", content)

    assert (caught.value.problem.file, caught.value.problem.line) == ("x.yaml", line)


def test_each_part_has_its_line() -> None:
    text = texts.read("x.yaml", "Steps:\n  - Name: a\n    Actions:\n      - Name: b\n")

    assert text.line(("Steps", 0, "Actions", 0, "Name")) == 4
    assert text.line(("Steps", 0, "Gone")) == 2


def test_parts_of_the_description_are_put_together() -> None:
    shapes = Shapes(
        {"components": {"schemas": {"A": {"type": "string", "enum": ["x"]}}}},
    )

    found = shapes.resolved({"allOf": [{"$ref": "#/components/schemas/A"}], "default": "x"})

    assert found == {"type": "string", "enum": ["x"], "default": "x"}
