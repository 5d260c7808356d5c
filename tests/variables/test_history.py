"""Who saved the variables, when, and what that changed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from domain.prompts import Prompt
from domain.scopes import Kind, Scope
from domain.variables import VariableType
from projects.services import project_variables
from tests.factories import EnvironmentFactory, ProjectFactory, SpaceFactory
from variables.models import VariableSet, VariableSetRevision
from variables.services import library, variable_sets
from variables.services.rows import Row

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(space):
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def variable_set(project) -> VariableSet:
    return project_variables.variable_set_of(project)


def save(variable_set, *rows, user=None):
    variable_set.refresh_from_db()
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows, user=user)
    return list(variable_set.variables.all())


def last(variable_set) -> VariableSetRevision:
    return variable_set.revisions.order_by("version").last()


def said(variable_set) -> list[tuple[str, str, str, str]]:
    return [(one["change"], one["name"], one["before"], one["after"]) for one in last(variable_set).changes]


def test_a_save_says_who_when_and_what(variable_set, editor, space):
    dev = EnvironmentFactory(space=space, name="Development")
    save(variable_set, Row(name="Host", value="a"), user=editor)
    [row] = variable_set.variables.all()
    scope = Scope.of({Kind.ENVIRONMENT: [dev.pk]})

    save(variable_set, Row(id=row.pk, name="Host", value="b", scope=scope), Row(name="New"), user=editor)

    assert said(variable_set) == [
        ("changed", "Host", "a (everywhere)", "b (Development)"),
        ("added", "New", "", "nothing (everywhere)"),
    ]
    assert last(variable_set).saved_by == editor.username
    assert last(variable_set).saved_at == variable_set.updated_at


def test_a_secret_is_only_said_to_be_set_anew(variable_set):
    secret = VariableType.SENSITIVE
    [row] = save(variable_set, Row(name="Password", type=secret, value="correct horse"))
    save(variable_set, Row(id=row.pk, name="Password", type=secret, value="battery staple"))

    [(change, _, before, after)] = said(variable_set)

    assert (change, before) == ("changed", "hidden value (everywhere)")
    assert after == "hidden value (everywhere), set anew"
    assert "battery" not in str(list(VariableSetRevision.objects.values("changes")))


def test_what_does_not_show_in_the_value_is_said_too(variable_set):
    [row] = save(variable_set, Row(name="Host", value="a"))
    save(variable_set, Row(id=row.pk, name="Server", value="a", description="x", prompt=Prompt("Which?")))

    [(_, name, _, after)] = said(variable_set)

    assert name == "Server"
    assert after == "a (everywhere), formerly Host, with another description, with another prompt"


def test_old_saves_keep_what_they_changed_and_no_content(variable_set):
    for number in range(variable_sets.KEPT_REVISIONS + 3):
        [row] = save(variable_set, Row(name="Host", value=str(number)))

    saves = variable_set.revisions.order_by("version")
    assert saves.count() == variable_sets.KEPT_REVISIONS + 4
    assert saves[1].content is None
    assert saves[2].changes
    assert saves.last().content["variables"][0]["id"] == str(row.pk)


def test_the_page_lists_saves_from_the_newest(variable_set, project, editor, as_user, viewer):
    page = reverse("variable_history", args=[project.slug])
    assert "Nothing was saved yet" in as_user(viewer).get(page).text
    save(variable_set, Row(name="Host", value="first"), user=editor)
    save(variable_set, Row(name="Host", value="second"))

    text = as_user(viewer).get(page).text

    assert text.index("second") < text.index("version 2")
    assert editor.username in text
    assert "The system" in text


def test_the_page_costs_the_same_for_many_saves(variable_set, project, as_user, viewer):
    client, page = as_user(viewer), reverse("variable_history", args=[project.slug])

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(page)
        return len(queries)

    save(variable_set, Row(name="Host", value="a"))
    client.get(page)
    few = cost()
    for number in range(4):
        save(variable_set, Row(name="Host", value=str(number)))
    assert cost() == few


def test_a_library_set_has_a_history(space, as_user, viewer):
    made = library.create(space=space, name="Shared")
    save(library.variable_set_of(made), Row(name="Proxy", value="proxy.internal"))
    assert "proxy.internal" in as_user(viewer).get(reverse("library_history", args=[made.slug])).text


def test_another_space_sees_nothing(as_user, viewer):
    other = ProjectFactory(space=SpaceFactory(), slug="elsewhere")
    assert as_user(viewer).get(reverse("variable_history", args=[other.slug])).status_code == 404
