"""Any expression, evaluated in a place, beside the table."""

from __future__ import annotations

import pytest

from domain.scopes import Kind, Scope
from domain.variables import VariableType
from tests.factories import ProjectFactory, TargetFactory
from tests.projects import scenarios
from tests.variables.test_pages import posted
from variables.models import OwnerKind, VariableSet
from variables.services import variable_sets
from variables.services.rows import Row

pytestmark = pytest.mark.django_db

URL = "/projects/orders/variables/"


@pytest.fixture
def places(space, default_pool):
    project = ProjectFactory(space=space, name="Orders", slug="orders")
    dev, live = scenarios.environments(space, "Development", "Production")
    variable_set = variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=space)
    rows = [
        Row(name="Host", value="db.dev", scope=Scope.of({Kind.ENVIRONMENT: [dev.pk]})),
        Row(name="Host", value="db.live", scope=Scope.of({Kind.ENVIRONMENT: [live.pk]})),
        Row(name="Url", value="sql://#{Host}"),
        Row(name="Password", type=VariableType.SENSITIVE, value="correct horse"),
        Row(name="Loop", value="#{Loop}"),
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)
    return dev, live


def evaluated(client, environment, expression, path="preview/"):
    answer = client.get(URL + path, {"environment": environment.pk, "expression": expression})
    assert answer.status_code == 200
    return answer.text.split('class="evaluated"')[1].split("</section>")[0]


def test_it_is_what_a_run_in_that_place_gets(as_user, viewer, places):
    client = as_user(viewer)
    expression = "#{Url | ToUpper} in #{Octopus.Environment.Name}"
    for environment, text in zip(places, ("DB.DEV in Development", "DB.LIVE in Production"), strict=True):
        assert f"SQL://{text}" in evaluated(client, environment, expression)
        assert f"SQL://{text}" in evaluated(client, environment, expression, path="")


def test_secrets_stay_hidden_also_behind_filters(as_user, viewer, places):
    shown = evaluated(as_user(viewer), places[0], "#{Password} #{Password | ToBase64}")
    assert "********" in shown
    assert "correct horse" not in shown
    assert "Y29ycmVjdCBob3JzZQ" not in shown


def test_what_has_no_value_and_what_goes_round_is_told(as_user, viewer, places):
    client = as_user(viewer)
    assert "has no value here" in evaluated(client, places[0], "#{Nobody}")
    assert "Loop" in evaluated(client, places[0], "#{Loop}").split("bad-t")[1]


def test_without_an_expression_there_is_nothing_to_show_and_a_long_one_is_refused(as_user, viewer, places):
    client = as_user(viewer)
    assert "evaluated" not in client.get(f"{URL}preview/").text
    assert "at most 2000 characters" in client.get(f"{URL}preview/", {"expression": "x" * 2001}).text


def test_what_is_not_saved_yet_counts(as_user, viewer, places):
    rows = [{"value": "typed.dev", "scope": [f"Environment:{places[0].pk}"]}]
    own = VariableSet.objects.get()
    data = posted(own, {"name": "Host", "rows": rows}, {"name": "Url", "rows": [{"value": "x://#{Host}"}]})
    place = {"environment": places[0].pk, "expression": "#{Url}"}

    answer = as_user(viewer).post(f"{URL}preview/", data | place)

    assert "x://typed.dev" in answer.text
    assert "db.dev" not in answer.text
    assert own.variables.filter(value="db.dev").exists()


def test_values_of_a_target_and_of_its_tags(as_user, viewer, places):
    target = TargetFactory(space=places[0].space, name="web-1", tags=["web"])
    own = VariableSet.objects.get()
    own.refresh_from_db()
    rows = [
        Row(name="Port", value="80"),
        Row(name="Port", value="81", scope=Scope.of({Kind.ROLE: ["web"]})),
        Row(name="Own", value="mine", scope=Scope.of({Kind.MACHINE: [target.pk]})),
    ]
    variable_sets.save(variable_set=own, version=own.version, rows=rows)
    query = {"environment": places[0].pk, "target": target.pk, "expression": "#{Port} #{Own}"}
    assert "81 mine" in as_user(viewer).get(f"{URL}preview/", query).text
