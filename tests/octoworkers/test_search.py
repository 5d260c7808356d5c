"""What the command palette finds, for whom, and in which order."""

from __future__ import annotations

import pytest
from django.urls import reverse, set_script_prefix

from octoworkers.selectors.search import LIMIT, Rank, rank
from tests.factories import (
    EnvironmentFactory,
    MachineFactory,
    ProjectFactory,
    RunbookFactory,
    ServerTaskFactory,
    SpaceFactory,
    TenantFactory,
    WorkerPoolFactory,
)


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("Orders database", "ord", Rank.PREFIX),
        ("Orders database", "ORDERS DATA", Rank.PREFIX),
        ("Orders database", "data", Rank.WORD),
        ("Orders database", "base", Rank.INSIDE),
        ("Orders database", "data ord", Rank.INSIDE),
        ("Orders database", "mail", None),
    ],
)
def test_rank(name, words, expected):
    assert rank(name, words) is expected


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _default_space_afterwards():
    """The script prefix of a space stays in the thread, where a server sets it anew for each request."""
    yield
    set_script_prefix("/")


@pytest.fixture
def find(as_user):
    def ask(user, words: str, prefix: str = ""):
        response = as_user(user).get(f"{prefix}/search/", {"q": words})
        assert response.status_code == 200
        return [(row["kind"], row["label"], row["url"]) for row in response.json()["results"]]

    return ask


def labels(results, kind: str = "") -> list[str]:
    return [label for found, label, _ in results if not kind or found == kind]


def test_without_words_it_offers_the_pages(find, viewer):
    found = find(viewer, "")

    assert found[0] == ("Page", "Dashboard", "/")
    assert "Users" not in labels(found)


def test_everything_with_a_name_is_found(find, viewer):
    project = ProjectFactory(name="Orders")
    runbook = RunbookFactory(project=project, name="Orders backup")
    pool, worker = WorkerPoolFactory(name="Orders pool"), MachineFactory(name="orders-01")
    environment, tenant = EnvironmentFactory(name="Orders live"), TenantFactory(name="Orders shop")
    task = ServerTaskFactory(name="Orders nightly", environment=environment)

    found = find(viewer, "orders")

    assert set(found) == {
        ("Project", "Orders", reverse("project_detail", args=[project.slug])),
        ("Runbook", "Orders backup · Orders", reverse("runbook_detail", args=[project.slug, runbook.slug])),
        ("Worker pool", "Orders pool", reverse("pool_detail", args=[pool.slug])),
        ("Worker", "orders-01", reverse("worker_detail", args=[worker.slug])),
        ("Environment", "Orders live", reverse("environment_edit", args=[environment.slug])),
        ("Tenant", "Orders shop", reverse("tenant_detail", args=[tenant.slug])),
        ("Task", f"#{task.pk} Orders nightly, Orders live", reverse("task_detail", args=[task.pk])),
    }


def test_names_that_start_with_the_words_come_first(find, viewer):
    for name in ("Backorders", "Old orders", "Orders"):
        ProjectFactory(name=name)

    assert labels(find(viewer, "orders"), "Project") == ["Orders", "Old orders", "Backorders"]


def test_a_runbook_is_found_through_its_project(find, viewer):
    RunbookFactory(project=ProjectFactory(name="Orders"), name="Back up")
    RunbookFactory(project=ProjectFactory(name="Billing"), name="Back up")

    assert labels(find(viewer, "back orders"), "Runbook") == ["Back up · Orders"]


@pytest.mark.parametrize("words", ["run back", "ru", "run", "back up"])
def test_run_is_offered_to_those_who_may(find, operator, viewer, words):
    runbook = RunbookFactory(project=ProjectFactory(name="Orders"), name="Back up")
    url = reverse("runbook_run", args=[runbook.project.slug, runbook.slug])
    run = ("Action", "Run Back up · Orders", url)

    assert run in find(operator, words)
    assert run not in find(viewer, words)


@pytest.mark.parametrize("words", ["create rel", "create release of ord", "orders"])
def test_create_release_is_offered_to_those_who_may(find, editor, operator, words):
    project = ProjectFactory(name="Orders")
    create = ("Action", "Create release of Orders", reverse("release_create", args=[project.slug]))

    assert create in find(editor, words)
    assert create not in find(operator, words)


def test_add_worker_is_offered_to_those_who_may(find, administrator, editor):
    assert ("Action", "Add worker", reverse("worker_add")) in find(administrator, "add w")
    assert labels(find(editor, "add w"), "Action") == []


@pytest.mark.parametrize("form", ["{}", "#{}"])
def test_a_task_is_found_by_its_number(find, viewer, form):
    task = ServerTaskFactory(name="Back up")

    assert labels(find(viewer, form.format(task.pk)))[0].startswith(f"#{task.pk} Back up")


@pytest.mark.parametrize("words", ["#", "#99999999999999999999999", "%", "_", "'", "\x00"])
def test_odd_words_find_nothing_and_break_nothing(find, viewer, words):
    ProjectFactory(name="Orders")

    assert labels(find(viewer, words), "Project") == []


def test_other_spaces_stay_apart(find, viewer):
    other = SpaceFactory(slug="other")
    ProjectFactory(name="Orders", space=other)
    RunbookFactory(project=ProjectFactory(name="Far", space=other), name="Orders backup")
    ServerTaskFactory(name="Orders nightly", space=other)

    assert find(viewer, "orders") == []
    assert ("Project", "Orders", "/s/other/projects/orders/") in find(viewer, "orders", "/s/other")


def test_no_more_than_twenty_and_few_queries(as_user, administrator, django_assert_max_num_queries):
    for number in range(30):
        RunbookFactory(project=ProjectFactory(name=f"Orders {number}"), name="Orders backup")

    client = as_user(administrator)
    with django_assert_max_num_queries(15):
        response = client.get(reverse("search"), {"q": "orders"})

    assert len(response.json()["results"]) == LIMIT


def test_a_stranger_is_sent_to_sign_in(client, space):
    assert client.get(reverse("search"), {"q": "x"}).status_code == 302
