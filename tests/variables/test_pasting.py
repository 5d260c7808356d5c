"""Pasting many variables: a preview, then the table with them, unsaved."""

from __future__ import annotations

import pytest

from domain.scopes import Kind, Scope
from domain.variables import VariableType
from tests.factories import EnvironmentFactory, ProjectFactory, SpaceFactory
from tests.variables.test_pages import HTMX, save
from variables.models import OwnerKind, VariableSet
from variables.services import variable_sets
from variables.services.rows import Row

pytestmark = pytest.mark.django_db

URL = "/projects/orders/variables/paste/"
TEXT = "HOST=new\nPORT=5432\nSAME=1\nTOKEN=abcd\nno value here\n"


@pytest.fixture
def variable_set(space, default_pool) -> VariableSet:
    project = ProjectFactory(space=space, name="Orders", slug="orders")
    return variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=space)


@pytest.fixture
def table(variable_set, space):
    dev = EnvironmentFactory(space=space, name="Development")
    save(
        variable_set,
        Row(name="Host", value="old"),
        Row(name="Host", value="dev", scope=Scope.of({Kind.ENVIRONMENT: [dev.pk]})),
        Row(name="Same", value="1"),
        Row(name="Token", type=VariableType.SENSITIVE, value="correct horse"),
    )
    return variable_set


def test_the_preview_says_what_would_happen_and_changes_nothing(as_user, editor, table):
    page = as_user(editor).post(URL, {"text": TEXT, "act": "preview"})

    shown = page.text.split('id="pasted"')[1]
    for words in (
        "replaces",
        "old",
        "added",
        "is so already",
        "that is no text",
        "Line 5 has no NAME=value.",
    ):
        assert words in shown
    assert table.variables.count() == 4


def test_the_table_comes_back_with_them_and_is_not_saved(as_user, editor, table):
    page = as_user(editor).post(URL, {"text": TEXT, "act": "add"})

    groups = page.context["grid"].groups
    values = [(group.name, row.value, row.change) for group in groups for row in group.rows]
    assert values == [
        ("Host", "new", "chg"),
        ("Host", "dev", ""),
        ("Same", "1", ""),
        ("Token", "", ""),
        ("PORT", "5432", "add"),
    ]
    assert 'data-guard="changed"' in page.text
    assert sorted(table.variables.values_list("name", flat=True)) == ["Host", "Host", "Same", "Token"]


def test_a_name_with_scoped_values_alone_gets_one_that_applies_everywhere(
    as_user, editor, variable_set, space
):
    dev = EnvironmentFactory(space=space)
    save(variable_set, Row(name="Host", value="dev", scope=Scope.of({Kind.ENVIRONMENT: [dev.pk]})))

    page = as_user(editor).post(URL, {"text": "host=all", "act": "add"})

    [group] = page.context["grid"].groups
    assert [(row.value, row.change) for row in group.rows] == [("dev", ""), ("all", "add")]


def test_the_same_name_twice_in_the_text_keeps_the_last(as_user, editor, variable_set):
    page = as_user(editor).post(URL, {"text": "A=1\na=2", "act": "add"})
    [group] = page.context["grid"].groups
    assert [row.value for row in group.rows] == ["2"]


def test_a_text_that_cannot_be_read_says_why(as_user, editor, variable_set):
    answer = as_user(editor).post(URL, {"text": "{", "act": "add"}, **HTMX)
    assert answer.status_code == 422
    assert "This begins like JSON and is none" in answer.text


def test_only_editors_paste_and_only_in_their_space(as_user, editor, operator, variable_set):
    assert as_user(operator).get(URL).status_code == 403
    assert as_user(editor).get(URL).status_code == 200
    assert as_user(editor).get(f"/s/{SpaceFactory().slug}{URL}").status_code == 404
