"""The routing matrix on the page and in the API."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from domain.scopes import Kind, Scope
from domain.variables import VariableType
from projects.services import tenant_links
from tests.api.client import Api, api_of
from tests.factories import SpaceFactory, TagFactory, TagSetFactory, TenantFactory
from tests.projects import scenarios
from tests.variables.test_pages import HTMX, posted
from variables.models import OwnerKind, VariableSet
from variables.services.rows import Row

pytestmark = pytest.mark.django_db

PAGE = "/projects/orders/variables/"
URL = f"{PAGE}routing/"
POOL = VariableType.WORKER_POOL


@pytest.fixture
def world(space, default_pool):
    dev, live = scenarios.environments(space, "Development", "Production")
    near, far = (scenarios.staffed_pool(space, name) for name in ("SQL - Dev", "SQL - Live"))
    project = scenarios.project(space, name="Orders")
    scenarios.add_step(project, "Migrate")
    scenarios.route(project, {dev: near})
    return project, dev, live, near, far


def set_of(project) -> VariableSet:
    return VariableSet.objects.get(owner_kind=OwnerKind.PROJECT, owner_id=project.pk)


def row_of(text: str, environment: str) -> str:
    rows = text.split('<table class="table routes">')[1].split('<th scope="row">')
    return next(row for row in rows if f">{environment}</span></th>" in row)


def test_the_page_shows_gaps_and_pools_without_workers(as_user, viewer, world, space):
    project, dev, _live, _, _ = world
    empty = scenarios.staffed_pool(space, "Nobody", workers=0)
    scenarios.route(project, {dev: empty})

    page = as_user(viewer).get(PAGE).text

    assert "1 gap and 1 cell without a live worker." in page
    assert "no workers" in row_of(page, "Development")
    assert "No value" in row_of(page, "Production")


def test_the_matrix_counts_in_what_is_not_saved_yet(as_user, editor, world):
    project, dev, live, near, far = world
    rows = [
        {"value": near.pk, "scope": [f"Environment:{dev.pk}"]},
        {"value": far.pk, "scope": [f"Environment:{live.pk}"]},
    ]
    data = posted(set_of(project), {"name": "Project.WorkerPool", "type": POOL, "rows": rows})

    shown = as_user(editor).post(URL, data, **HTMX)

    assert "SQL - Live" in row_of(shown.text, "Production")
    assert "Every cell has a pool with a live worker." in shown.text
    assert set_of(project).variables.count() == 1


def test_a_tie_between_unsaved_values_is_named(as_user, viewer, world):
    project, dev, _, near, far = world
    rows = [{"value": one.pk, "scope": [f"Environment:{dev.pk}"]} for one in (near, far)]
    data = posted(set_of(project), {"name": "Project.WorkerPool", "type": POOL, "rows": rows})

    shown = as_user(viewer).post(URL, data, **HTMX).text

    assert "1 gap and 1 tie." in shown
    assert "SQL - Dev, SQL - Live" in row_of(shown, "Development")


def test_without_a_pool_variable_there_is_no_matrix(as_user, viewer, world):
    data = posted(set_of(world[0]), {"name": "Host", "rows": [{"value": "db"}]})
    shown = as_user(viewer).post(URL, data, **HTMX)
    assert "hidden" in shown.text
    assert "<table" not in shown.text


def test_another_step_may_go_elsewhere(as_user, viewer, world):
    project, dev, _, near, far = world
    scenarios.add_step(project, "Report")
    steps = scenarios.process_of(project).steps.all()
    report = steps[1].actions.get()
    own = Row(
        name="Project.WorkerPool", type=POOL, value=str(far.pk), scope=Scope.of({Kind.ACTION: [report.pk]})
    )
    scenarios.route(project, {dev: near}, others=[own])
    client = as_user(viewer)

    first = client.get(PAGE).text
    second = client.get(
        PAGE, {"routing-of": "project.workerpool", "routing-place": f"Action:{report.pk}"}
    ).text

    assert "No value" in row_of(first, "Production")
    assert "SQL - Live" in row_of(second, "Production")


def test_a_scope_of_no_known_kind_is_not_found(as_user, viewer, world):
    group = {"name": "Pool", "type": POOL, "rows": [{"value": "1", "scope": ["Planet:3"]}]}
    assert as_user(viewer).post(URL, posted(set_of(world[0]), group)).status_code == 404


def test_outsiders_see_nothing(as_user, viewer, world):
    assert as_user(viewer).post(f"/s/{SpaceFactory().slug}{URL}").status_code == 404


def test_the_api_gives_the_same_cells_and_names_tenants_that_deviate(administrator, world, space):
    project, _dev, live, near, far = world
    api: Api = api_of(administrator)
    region = TagSetFactory(space=space, name="Region")
    eu, us = (TagFactory(tag_set=region, name=name) for name in ("EU", "US"))
    acme = TenantFactory(space=space, name="Acme", tags=[eu])
    tenant_links.replace(project, links={acme: [live]}, user=None)
    variables = [
        {"Name": "Project.WorkerPool", "Type": "WorkerPool", "Value": f"WorkerPools-{near.pk}"},
        {
            "Name": "Project.WorkerPool",
            "Type": "WorkerPool",
            "Value": f"WorkerPools-{near.pk}",
            "Scope": {"TenantTag": [eu.canonical_name]},
        },
        {
            "Name": "Project.WorkerPool",
            "Type": "WorkerPool",
            "Value": f"WorkerPools-{far.pk}",
            "Scope": {"Tenant": [f"Tenants-{acme.pk}"]},
        },
    ]
    address = f"/api/projects/Projects-{project.pk}/routingmatrix"

    body = api.post(address, {"Variable": "project.workerpool", "Variables": variables})
    saved = api.get(f"{address}?variable=Project.WorkerPool")

    cells = {(one["EnvironmentId"], one["TenantTag"]): one for one in body["Cells"]}
    assert {tag for _, tag in cells} == {None, "Region/EU", us.canonical_name}
    european = cells[f"Environments-{live.pk}", "Region/EU"]
    assert (european["State"], european["WorkerPoolName"], european["HasLiveWorker"]) == (
        "Pool",
        "SQL - Dev",
        True,
    )
    [other] = european["Deviations"]
    assert (other["WorkerPoolId"], other["Tenants"]) == (f"WorkerPools-{far.pk}", ["Acme"])
    assert [cell["State"] for cell in saved["Cells"]] == ["Pool", "Gap"]
    assert saved["Cells"][0]["Values"][0]["IsUsed"] is True
    assert api.refused("GET", address)[0] == 400
    assert api.refused("GET", f"{address}?variable=A&actionId=Actions-999")[0] == 400


class TestBlastRadius:
    def test_the_page_says_what_unsaved_values_send_elsewhere(self, as_user, editor, world):
        project, dev, _, near, far = world
        data = posted(
            set_of(project),
            {
                "name": "Project.WorkerPool",
                "type": POOL,
                "rows": [{"value": far.pk, "scope": [f"Environment:{dev.pk}"]}],
            },
        )
        shown = as_user(editor).post(URL, data, **HTMX).text
        blast = shown.split('id="rerouted"')[1].split("</div></div>")[0]
        assert "Orders, deployment process" in blast
        assert "Development: <b>SQL - Dev</b> → <b>SQL - Live</b>" in blast
        assert near.name in blast

    def test_nothing_is_said_where_nothing_changes(self, as_user, viewer, world):
        assert 'id="rerouted"' not in as_user(viewer).get(PAGE).text

    def test_runbooks_are_named_and_many_cost_no_more(self, as_user, editor, world):
        project, dev, _, _, far = world
        rows = [{"value": far.pk, "scope": [f"Environment:{dev.pk}"]}]
        data = posted(set_of(project), {"name": "Project.WorkerPool", "type": POOL, "rows": rows})
        client = as_user(editor)

        def cost() -> int:
            with CaptureQueriesContext(connection) as queries:
                client.post(URL, data, **HTMX)
            return len(queries)

        scenarios.add_step(scenarios.runbook(project, name="Back up"), "Copy")
        assert "Orders, runbook Back up" in client.post(URL, data, **HTMX).text
        few = cost()
        for number in range(3):
            scenarios.add_step(scenarios.runbook(project, name=f"Book {number}"), "Copy")
        assert cost() == few
