"""One change of scope for many values of the table."""

from __future__ import annotations

import pytest
from django.urls import reverse

from domain.scopes import Kind, Scope
from domain.variables import VariableType
from projects.services import project_variables
from tests.factories import EnvironmentFactory, ProjectFactory, WorkerPoolFactory
from tests.variables.test_pages import HTMX, posted, save
from variables.models import ScopeValue
from variables.services.rows import Row

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(space):
    return ProjectFactory(space=space, name="Orders", slug="orders")


@pytest.fixture
def variable_set(project):
    return project_variables.variable_set_of(project)


@pytest.fixture
def dev(space):
    return EnvironmentFactory(space=space, name="Development")


@pytest.fixture
def prod(space):
    return EnvironmentFactory(space=space, name="Production")


@pytest.fixture
def apply(variable_set, project, as_user, editor):
    """Posts the table with the two values Host and Port, each at a scope, both picked unless said."""

    def act(mode, *keys, scopes=((), ()), pick=("k0x0", "k1x0"), values=("a", "1"), user=None):
        rows = variable_set.variables.order_by("position")
        groups = [
            {"name": row.name, "type": row.type, "rows": [{"id": row.pk, "value": value, "scope": scope}]}
            for row, scope, value in zip(rows, scopes, values, strict=True)
        ]
        data = posted(variable_set, *groups) | {"pick": list(pick), "bulk": mode, "bulk-scope": list(keys)}
        url = reverse("variable_bulk", args=[project.slug])
        return as_user(user or editor).post(url, data, **HTMX)

    return act


@pytest.fixture
def rows(variable_set):
    return save(variable_set, Row(name="Host", value="a"), Row(name="Port", value="1"))


def key(one) -> str:
    return f"Environment:{one.pk}"


def sent(response, row: str) -> list[str]:
    """The entries that the table would post for the row."""
    parts = response.text.split(f'name="r{row}-scope" value="')[1:]
    return sorted({part.partition('"')[0] for part in parts})


def test_set_add_and_remove(apply, rows, dev, prod):
    before = (key(prod),), (key(dev), key(prod))

    assert sent(apply("set", key(dev), scopes=before), "k0x0") == [key(dev)]
    added = apply("add", key(dev), scopes=before)
    assert sent(added, "k0x0") == sorted([key(dev), key(prod)])
    removed = apply("remove", key(prod), scopes=before)
    assert (sent(removed, "k0x0"), sent(removed, "k1x0")) == ([], [key(dev)])
    assert added.text.count('Host" checked') == added.text.count('Port" checked') == 1
    assert not ScopeValue.objects.exists()


def test_only_what_is_picked_changes(apply, rows, dev):
    response = apply("set", key(dev), pick=["k1x0"])
    assert (sent(response, "k0x0"), sent(response, "k1x0")) == ([], [key(dev)])


def test_undo_brings_back_what_is_stored(apply, rows, dev):
    response = apply("undo", scopes=((key(dev),), ()), values=("typed", "2"), pick=["k0x0"])
    assert sent(response, "k0x0") == []
    assert 'name="rk0x0-value" value="a"' in response.text
    assert 'name="rk1x0-value" value="2"' in response.text


def test_a_tie_is_refused_and_the_table_stays(variable_set, project, dev, prod, as_user, editor):
    in_dev, in_prod = Scope.of({Kind.ENVIRONMENT: [dev.pk]}), Scope.of({Kind.ENVIRONMENT: [prod.pk]})
    one, two = save(
        variable_set, Row(name="Host", value="a", scope=in_dev), Row(name="Host", value="b", scope=in_prod)
    )
    group = {
        "name": "Host",
        "rows": [
            {"id": one.pk, "value": "a", "scope": [key(dev)]},
            {"id": two.pk, "value": "b", "scope": [key(prod)]},
        ],
    }
    data = posted(variable_set, group) | {"pick": ["k0x1"], "bulk": "add", "bulk-scope": [key(dev)]}

    response = as_user(editor).post(reverse("variable_bulk", args=[project.slug]), data, **HTMX)

    assert response.status_code == 422
    assert "Host would have two values that are equally specific" in response.text
    assert sent(response, "k0x1") == [key(prod)]


def test_a_pool_cannot_depend_on_a_target_tag(variable_set, project, space, as_user, editor):
    pool = WorkerPoolFactory(space=space)
    [row] = save(variable_set, Row(name="Pool", type=VariableType.WORKER_POOL, value=str(pool.pk)))
    group = {"name": "Pool", "type": "WorkerPool", "rows": [{"id": row.pk, "value": pool.pk}]}
    data = posted(variable_set, group) | {"pick": ["k0x0"], "bulk": "set", "bulk-scope": ["Role:db"]}

    response = as_user(editor).post(reverse("variable_bulk", args=[project.slug]), data, **HTMX)

    assert (response.status_code, "cannot depend on a target tag" in response.text) == (422, True)


@pytest.mark.parametrize(
    ("mode", "keys", "pick", "status", "said"),
    [
        ("set", [], [], 422, "Select values first"),
        ("add", [], ["k0x0"], 422, "Choose what to add"),
        ("rainbow", [], ["k0x0"], 404, ""),
        ("set", ["Rainbow:1"], ["k0x0"], 404, ""),
    ],
)
def test_what_makes_no_sense(apply, rows, mode, keys, pick, status, said):
    response = apply(mode, *keys, pick=pick)
    assert response.status_code == status
    assert said in response.text


def test_a_viewer_may_not(apply, rows, viewer, dev):
    assert apply("set", key(dev), user=viewer).status_code == 403
