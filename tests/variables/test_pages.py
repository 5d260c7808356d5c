"""The variables' pages: the table as a whole, one group of it, one value, the preview."""

from __future__ import annotations

import re

import pytest

from domain.scopes import Kind, Scope, runbook_process
from domain.variables import VariableType
from processes.models import Action
from projects.models import Project
from tests.factories import (
    EnvironmentFactory,
    ProjectFactory,
    SpaceFactory,
    TenantFactory,
    WorkerPoolFactory,
)
from tests.projects import scenarios
from variables.models import OwnerKind, VariableSet
from variables.services import variable_sets
from variables.services.rows import Row
from variables.services.sealing import unseal

pytestmark = pytest.mark.django_db

URL = "/projects/orders/variables/"
HTMX = {"HTTP_HX_REQUEST": "true"}
SECRET, POOL, TEXT = VariableType.SENSITIVE, VariableType.WORKER_POOL, VariableType.STRING


@pytest.fixture
def project(space, default_pool) -> Project:
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def variable_set(project) -> VariableSet:
    return variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=project.space)


def save(variable_set: VariableSet, *rows: Row) -> list:
    variable_set.refresh_from_db()
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)
    return list(variable_set.variables.all())


def posted(variable_set: VariableSet, *groups: dict, **more: object) -> dict[str, object]:
    """`groups` as {"name": …, "type": …, "rows": [{"id": …, "value": …, "scope": […]}]}."""
    variable_set.refresh_from_db()
    data: dict[str, object] = {"version": variable_set.version, "group": []} | more
    for at, group in enumerate(groups):
        data["group"].append(f"k{at}")
        data[f"gk{at}-name"] = group["name"]
        data[f"gk{at}-type"] = group.get("type", TEXT)
        data[f"gk{at}-row"] = [f"k{at}x{number}" for number in range(len(group["rows"]))]
        for number, row in enumerate(group["rows"]):
            data |= {f"rk{at}x{number}-{field}": value for field, value in row.items()}
    return data


def in_(environment) -> list[str]:
    return [f"Environment:{environment.pk}"]


def test_the_page_shows_groups_of_values_with_their_scopes(as_user, viewer, variable_set, space):
    dev = EnvironmentFactory(space=space, name="Development")
    pool = WorkerPoolFactory(space=space, name="SQL - Dev")
    scope = Scope.of({Kind.ENVIRONMENT: [dev.pk]})
    save(
        variable_set,
        Row(name="Project.WorkerPool", type=POOL, value=str(pool.pk), scope=scope),
        Row(name="Host", value="#{Other}.internal"),
        Row(name="Password", type=SECRET, value="correct horse"),
    )

    page = as_user(viewer).get(URL)

    assert page.status_code == 200
    for text in ("SQL - Dev", "Development", "<i>#{Other}</i>", "Any scope", "never shown again"):
        assert text in page.text
    assert "correct horse" not in page.text
    assert "octo1:" not in page.text
    assert "Save variables" not in page.text


def test_only_editors_change_anything(as_user, operator, variable_set):
    (row,) = save(variable_set, Row(name="A", value="1"))
    client = as_user(operator)

    assert client.post(URL, posted(variable_set)).status_code == 403
    assert client.post(f"{URL}group/", {"act": "new"}).status_code == 403
    assert client.get(f"{URL}new/").status_code == 403
    assert client.get(f"{URL}{row.pk}/").status_code == 403
    assert client.post(f"{URL}{row.pk}/delete/").status_code == 403
    assert variable_set.variables.count() == 1


def test_another_space_has_no_such_variables(as_user, editor, variable_set):
    assert as_user(editor).get(f"/s/{SpaceFactory().slug}{URL}").status_code == 404


def test_saving_the_whole_table(as_user, editor, variable_set, space):
    dev = EnvironmentFactory(space=space)
    kept, changed, _ = save(
        variable_set, Row(name="A", value="1"), Row(name="B", value="1"), Row(name="C", value="1")
    )
    data = posted(
        variable_set,
        {"name": "A", "rows": [{"id": kept.pk, "value": "1"}]},
        {
            "name": "B",
            "rows": [{"id": changed.pk, "value": "two\r\nlines"}, {"value": "dev", "scope": in_(dev)}],
        },
    )

    answer = as_user(editor).post(URL, data, **HTMX)

    assert answer.status_code == 200
    assert "octo:toast" in answer["HX-Trigger"]
    assert [(one.name, one.value, one.updated_by) for one in variable_set.variables.all()] == [
        ("A", "1", ""),
        ("B", "two\nlines", "edith"),
        ("B", "dev", "edith"),
    ]


def test_a_secret_is_never_sent_back_and_kept_when_nothing_is_typed(as_user, editor, variable_set):
    (row,) = save(variable_set, Row(name="Password", type=SECRET, value="correct horse"))
    client = as_user(editor)

    group = {"name": "Password", "type": SECRET, "rows": [{"id": row.pk, "value": ""}]}
    client.post(URL, posted(variable_set, group))
    assert unseal(variable_set.variables.get().value) == "correct horse"

    group["rows"][0]["value"] = "battery staple"
    answer = client.post(URL, posted(variable_set, group), **HTMX)
    assert unseal(variable_set.variables.get().value) == "battery staple"
    assert "battery" not in answer.text


def test_what_is_wrong_stands_at_its_row_and_nothing_is_saved(as_user, editor, variable_set):
    data = posted(
        variable_set,
        {"name": "Good", "rows": [{"value": "1"}]},
        {"name": "Bad{", "rows": [{"value": "x"}]},
        {"name": "Password", "type": SECRET, "rows": [{"value": "abc"}]},
    )

    answer = as_user(editor).post(URL, data, **HTMX)

    assert answer.status_code == 422
    assert "A name cannot hold" in answer.text
    assert "cannot be masked in logs" in answer.text
    assert 'value="abc"' not in answer.text
    assert variable_set.variables.count() == 0


@pytest.mark.parametrize("scope", ["Environment:{foreign}", "TenantTag:No/Tag", "Action:1", "Tenant:x"])
def test_foreign_scopes_are_refused(as_user, editor, variable_set, scope):
    foreign = EnvironmentFactory(space=SpaceFactory())
    row = {"value": "1", "scope": [scope.format(foreign=foreign.pk)]}

    answer = as_user(editor).post(URL, posted(variable_set, {"name": "A", "rows": [row]}), **HTMX)

    assert answer.status_code == 422
    assert "does not exist here" in answer.text
    assert variable_set.variables.count() == 0


def test_a_scope_of_an_unknown_kind_is_no_page_of_ours(as_user, editor, variable_set):
    data = posted(variable_set, {"name": "A", "rows": [{"value": "1", "scope": ["Moon:1"]}]})

    assert as_user(editor).post(URL, data).status_code == 404


def test_a_tie_shows_both_values_at_both_rows(as_user, editor, variable_set, space):
    dev = EnvironmentFactory(space=space, name="Development")
    rows = [{"value": "one", "scope": in_(dev)}, {"value": "two", "scope": in_(dev)}]

    answer = as_user(editor).post(URL, posted(variable_set, {"name": "Host", "rows": rows}), **HTMX)

    assert answer.status_code == 422
    assert "Just as specific as two (Development)." in answer.text
    assert "Just as specific as one (Development)." in answer.text
    assert "Both apply in Development." in answer.text


def test_the_second_of_two_people_gets_the_difference_with_both_edits(as_user, editor, variable_set):
    a, b = save(variable_set, Row(name="A", value="1"), Row(name="B", value="1"))
    mine = posted(
        variable_set,
        {"name": "A", "rows": [{"id": a.pk, "value": "mine"}]},
        {"name": "B", "rows": [{"id": b.pk, "value": "1"}]},
        {"name": "Mine", "rows": [{"value": "new"}]},
    )
    save(
        variable_set,
        Row(id=a.pk, name="A", value="theirs"),
        Row(id=b.pk, name="B", value="theirs too"),
        Row(name="Theirs", value="new"),
    )

    answer = as_user(editor).post(URL, mine, **HTMX)

    assert answer.status_code == 409
    text = " ".join(answer.text.split())
    assert "<del>1 (everywhere)</del> <ins>theirs (everywhere)</ins>" in text
    assert "<del>theirs (everywhere)</del> <ins>mine (everywhere)</ins>" in text
    assert f'name="version" value="{variable_set.version}"' in text
    values = dict(re.findall(r'name="r(\w+)-value" value="([^"]*)"', text))
    assert sorted(values.values()) == ["mine", "new", "new", "theirs too"]
    assert variable_set.variables.get(pk=a.pk).value == "theirs"


def test_another_persons_deletion_does_not_come_back(as_user, editor, variable_set):
    a, b = save(variable_set, Row(name="A", value="1"), Row(name="B", value="1"))
    mine = posted(
        variable_set,
        {"name": "A", "rows": [{"id": a.pk, "value": "1"}]},
        {"name": "B", "rows": [{"id": b.pk, "value": "2"}]},
    )
    save(variable_set, Row(id=b.pk, name="B", value="1"))

    answer = as_user(editor).post(URL, mine, **HTMX)

    values = re.findall(r'name="r\w+-value" value="([^"]*)"', answer.text)
    assert values == ["2"]


# One group of the table


def act(client, variable_set, group: dict, name: str, **more: object):
    data = posted(variable_set, group, **more) | {"act": name, "in": "k0"}
    return client.post(f"{URL}group/", data, **HTMX)


def test_a_value_opens_and_closes_without_being_saved(as_user, editor, variable_set):
    (row,) = save(variable_set, Row(name="A", value="1"))
    client = as_user(editor)
    group = {"name": "A", "rows": [{"id": row.pk, "value": "1"}]}

    opened = act(client, variable_set, group, "edit:k0x0")
    assert "<textarea" in opened.text
    group["rows"][0]["value"] = "2"
    done = act(client, variable_set, group, "done:k0x0")

    assert "<textarea" not in done.text
    assert '<tr class="chg"' in done.text
    assert variable_set.variables.get().value == "1"


def test_values_are_added_and_marked_as_deleted(as_user, editor, variable_set):
    (row,) = save(variable_set, Row(name="A", value="1"))
    client = as_user(editor)
    group = {"name": "A", "rows": [{"id": row.pk, "value": "1"}]}

    added = act(client, variable_set, group, "add")
    assert 'rowspan="2"' in added.text
    assert '<tr class="add"' in added.text
    gone = act(client, variable_set, group, "remove:k0x0")
    assert '<tr class="gone"' in gone.text
    assert 'name="rk0x0-gone"' in gone.text
    new = act(client, variable_set, {"name": "N", "rows": [{"value": "1"}]}, "remove:k0x0")
    assert new.text == ""


def test_a_new_variable_comes_open_and_takes_another_type(as_user, editor, variable_set):
    client = as_user(editor)

    new = client.post(f"{URL}group/", {"act": "new"}, **HTMX)
    assert "autofocus" in new.text
    group = {"name": "P", "type": POOL, "rows": [{"value": "", "open": "1"}]}
    changed = act(client, variable_set, group, "type")

    assert "Choose a worker pool" in changed.text


def test_a_group_or_row_that_is_not_there(as_user, editor, variable_set):
    client = as_user(editor)
    group = {"name": "A", "rows": [{"value": "1"}]}

    assert act(client, variable_set, group, "edit:nope").status_code == 404
    assert client.post(f"{URL}group/", {"act": "edit:1", "in": "nope"}).status_code == 404


# One value on a page of its own


def test_a_value_is_added_and_changed_without_script(as_user, editor, variable_set, space):
    dev, pool = EnvironmentFactory(space=space), WorkerPoolFactory(space=space)
    client = as_user(editor)

    data = {"version": 1, "name": "P", "type": POOL, "pool": pool.pk, "scope": in_(dev)}
    assert client.post(f"{URL}new/", data).status_code == 302
    row = variable_set.variables.get()
    assert (row.value, row.scope_values.get().value) == (str(pool.pk), str(dev.pk))

    data = {"version": 2, "name": "P", "type": TEXT, "text": "now a text"}
    client.post(f"{URL}{row.pk}/", data)
    row.refresh_from_db()
    assert (row.type, row.value, row.scope_values.count()) == (TEXT, "now a text", 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "", "type": "String"}, "This field is required."),
        ({"name": "P", "type": "WorkerPool"}, "Choose a worker pool."),
        ({"name": "P", "type": "WorkerPool", "pool": "999"}, "Select a valid choice"),
        ({"name": "P", "type": "Sensitive", "secret": "abc"}, "cannot be masked"),
        ({"name": "P", "type": "Sensitive"}, "Enter the sensitive value."),
        ({"name": "P", "type": "String", "scope": ["Environment:999"]}, "does not exist here"),
        ({"name": "Taken", "type": "String", "text": "x"}, "equally specific"),
        ({"name": "P", "type": "String", "version": "7"}, "Save again to keep yours."),
    ],
)
def test_a_value_that_cannot_be_saved_says_why(as_user, editor, variable_set, data, message):
    save(variable_set, Row(name="Taken", value="1"), Row(name="Other", value="1"))

    answer = as_user(editor).post(f"{URL}new/", {"version": 2} | data)

    assert answer.status_code == 422
    assert message in answer.text
    assert variable_set.variables.count() == 2


def test_a_value_is_deleted(as_user, editor, variable_set):
    one, other = save(variable_set, Row(name="A", value="1"), Row(name="B", value="1"))
    client = as_user(editor)

    client.post(f"{URL}{one.pk}/delete/", {"version": 1})
    assert variable_set.variables.count() == 2
    client.post(f"{URL}{one.pk}/delete/", {"version": 2})
    assert variable_set.variables.get() == other


def test_a_value_of_another_project_is_not_here(as_user, editor, variable_set, space):
    other = variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=987, space=space)
    (foreign,) = save(other, Row(name="A", value="1"))

    assert as_user(editor).get(f"{URL}{foreign.pk}/").status_code == 404
    assert as_user(editor).post(f"{URL}{foreign.pk}/delete/", {"version": 2}).status_code == 404


# Preview


def test_the_preview_says_which_value_and_why(as_user, viewer, variable_set, space):
    dev = EnvironmentFactory(space=space, name="Development", sort_order=1)
    prod = EnvironmentFactory(space=space, name="Production", sort_order=2)
    tenant = TenantFactory(space=space, name="Acme")
    save(
        variable_set,
        Row(name="Host", value="prod", scope=Scope.of({Kind.ENVIRONMENT: [prod.pk]})),
        Row(
            name="Host",
            value="acme",
            scope=Scope.of({Kind.ENVIRONMENT: [prod.pk], Kind.TENANT: [tenant.pk]}),
        ),
        Row(name="Url", value="https://#{Host}/#{Password}"),
        Row(name="Password", type=SECRET, value="correct horse"),
    )
    client = as_user(viewer)

    text = client.get(f"{URL}preview/", {"environment": prod.pk, "tenant": tenant.pk}).text
    assert "https://acme/********" in text
    assert "Tenant and environment match. Beats prod." in text
    assert "Hidden" in text
    assert "correct" not in text

    text = client.get(f"{URL}preview/", {"environment": dev.pk}).text
    assert "None of its values applies here." in text
    assert "Other environment" in text


def test_the_preview_fills_in_what_a_run_there_would_know(as_user, viewer, project, variable_set, space):
    prod = EnvironmentFactory(space=space, name="Production")
    tenant = TenantFactory(space=space, name="Acme")
    book = scenarios.runbook(project, name="Back up")
    scenarios.add_step(book, "First", pool=WorkerPoolFactory(space=space))
    scenarios.add_step(book, "Second", pool=WorkerPoolFactory(space=space))
    step = Action.objects.get(name="Second")
    save(
        variable_set,
        Row(name="Place", value="#{Octopus.Project.Name}/#{Octopus.Environment.Name}"),
        Row(name="Who", value="#{Octopus.Deployment.Tenant.Name} #{Octopus.Environment.Id}"),
        Row(name="What", value="#{Octopus.Runbook.Name}, #{Octopus.Step.Number} #{Octopus.Step.Name}"),
        Row(name="Later", value="#{Octopus.Task.Id}"),
    )
    place = {
        "environment": prod.pk,
        "tenant": tenant.pk,
        "process": runbook_process(book.pk),
        "step": step.pk,
    }

    text = as_user(viewer).get(f"{URL}preview/", place).text

    assert f"{project.name}/Production" in text
    assert f"Acme Environments-{prod.pk}" in text
    assert "Back up, 2 Second" in text
    # Only a run has one.
    assert "#{Octopus.Task.Id}" in text
    elsewhere = as_user(viewer).get(f"{URL}preview/", {"environment": ""}).text
    assert f"{project.name}/#{{Octopus.Environment.Name}}" in elsewhere


@pytest.mark.parametrize("query", [{"environment": "x"}, {"environment": "999", "step": "7"}, {}])
def test_a_preview_of_a_place_that_does_not_exist_is_a_preview_of_none(as_user, viewer, variable_set, query):
    save(variable_set, Row(name="Host", value="any"))

    assert "any" in as_user(viewer).get(f"{URL}preview/", query).text


def test_the_page_costs_the_same_queries_for_many_values(
    as_user, editor, variable_set, django_assert_max_num_queries
):
    save(variable_set, *(Row(name=f"Name{number}", value="x") for number in range(40)))
    client = as_user(editor)

    with django_assert_max_num_queries(40):
        client.get(URL)


def test_a_secret_that_is_asked_for_needs_no_default(as_user, editor, variable_set):
    form = {"version": 1, "name": "Token", "type": "Sensitive", "secret": ""}

    assert as_user(editor).post(f"{URL}new/", form).status_code == 422
    assert as_user(editor).post(f"{URL}new/", {**form, "is_asked": "on"}).status_code == 302

    assert variable_set.variables.get().value == ""


def test_a_prompt_is_set_on_the_page_of_the_value_and_kept_by_the_table(as_user, editor, variable_set):
    client = as_user(editor)
    (row,) = save(variable_set, Row(name="Size", value="small"))
    form = {"version": 2, "name": "Size", "type": "String", "text": "small", "is_asked": "on"}

    refused = client.post(f"{URL}{row.pk}/", {**form, "prompt_control": "Select"})
    assert (refused.status_code, "Enter the choices, one a line." in refused.text) == (422, True)
    client.post(f"{URL}{row.pk}/", {**form, "prompt_label": "How much", "prompt_required": "on"})

    assert "Prompted" in client.get(URL).text
    assert 'value="How much"' in client.get(f"{URL}{row.pk}/").text
    data = posted(variable_set, {"name": "Size", "rows": [{"id": row.pk, "value": "large"}]})
    client.post(URL, data, **HTMX)
    row.refresh_from_db()
    assert row.value == "large"
    assert row.prompt["label"] == "How much"
