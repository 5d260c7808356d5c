"""The list of tasks: filters in the address, pages, live rows, and what other pages ask of tasks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from protocol.log import Level
from tasks.models import SavedView, ServerTask, StepState, TaskState
from tasks.selectors import tasks as selectors
from tasks.services import views
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    ExecutionFactory,
    MachineFactory,
    ServerTaskFactory,
    SpaceFactory,
    TenantFactory,
    WorkerPoolFactory,
)
from tests.tasks.builders import page, run, write

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
#: Session, user, space, count, rows, why those in the queue wait, what is paused, saved views, what the
#: filters offer (five), and the shell around the page.
LIST_QUERIES = 21


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


def names(html: str) -> list[str]:
    return re.findall(r'<a class="t" href="/tasks/\d+/">([^<]+)</a>', html)


@pytest.fixture
def several(space):
    """Tasks that differ in everything that can be filtered by."""
    test, production = EnvironmentFactory(name="Test"), EnvironmentFactory(name="Production")
    tenant, pool = TenantFactory(name="Acme"), WorkerPoolFactory()
    backup = ServerTaskFactory(
        name="Back up", environment=production, project_id=1, project_name="Orders", created_by_name="otto"
    )
    failed = ServerTaskFactory(
        name="Restart",
        environment=test,
        tenant=tenant,
        state=TaskState.FAILED,
        runbook_id=9,
        has_warnings=True,
    )
    running = ServerTaskFactory(name="Vacuum", environment=test, state=TaskState.EXECUTING)
    worker = MachineFactory()
    ExecutionFactory(
        task=running, name="Vacuum full", state=StepState.RUNNING, pool_id=pool.pk, machine=worker
    )
    return {
        "test": test,
        "tenant": tenant,
        "pool": pool,
        "worker": worker,
        "backup": backup,
        "failed": failed,
        "running": running,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Vacuum", "Restart", "Back up"]),
        ({"state": "failed"}, ["Restart"]),
        ({"state": "running"}, ["Vacuum"]),
        ({"state": "nonsense"}, ["Vacuum", "Restart", "Back up"]),
        ({"project": 1}, ["Back up"]),
        ({"runbook": 9}, ["Restart"]),
        ({"environment": "test"}, ["Vacuum", "Restart"]),
        ({"tenant": "tenant"}, ["Restart"]),
        ({"pool": "pool"}, ["Vacuum"]),
        ({"worker": "worker"}, ["Vacuum"]),
        ({"who": "otto"}, ["Back up"]),
        ({"text": "BACK"}, ["Back up"]),
        ({"text": "orders"}, ["Back up"]),
        ({"text": "%"}, []),
        ({"ids": "failed,backup"}, ["Restart", "Back up"]),
        ({"text": "#running"}, ["Vacuum"]),
    ],
)
def test_filters_stand_in_the_address(client, several, query, expected):
    def filled(value):
        if not isinstance(value, str):
            return value
        return re.sub(
            r"\b(test|tenant|pool|worker|failed|backup|running)\b", lambda at: str(several[at[0]].pk), value
        )

    filled_query = {key: value if key == "state" else filled(value) for key, value in query.items()}

    assert names(page(client, "task_list", **filled_query)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"when": "hour"}, ["now"]),
        ({"when": "day"}, ["now", "hours ago"]),
        ({"when": "week"}, ["now", "hours ago", "days ago"]),
        (
            {"when": "dates", "since": "2026-03-01", "until": "2026-03-02"},
            ["at the end of the 2nd", "on the 1st"],
        ),
        ({"when": "dates", "since": "2026-03-02", "until": "2026-03-02"}, ["at the end of the 2nd"]),
        ({"when": "dates", "until": "2026-02-28"}, []),
        ({"when": "dates", "since": "9999-12-31"}, []),
        ({"when": "dates", "until": "0001-01-01"}, []),
        (
            {"when": "dates", "since": "yesterday"},
            ["now", "hours ago", "days ago", "at the end of the 2nd", "on the 1st"],
        ),
        ({"when": "dates", "since": "2026-03-02", "state": "failed"}, []),
    ],
)
def test_it_can_be_narrowed_to_when_they_were_queued(client, space, query, expected):
    now, march = timezone.now(), datetime(2026, 3, 1, tzinfo=UTC)
    for name, moment in (
        ("on the 1st", march),
        ("at the end of the 2nd", march + timedelta(hours=47, minutes=59)),
        ("days ago", now - timedelta(days=3)),
        ("hours ago", now - timedelta(hours=3)),
        ("now", now - timedelta(minutes=3)),
    ):
        ServerTaskFactory(name=name, queued_at=moment)

    assert names(page(client, "task_list", **query)) == expected


def test_runbooks_of_the_chosen_project_are_offered(client, space):
    ServerTaskFactory(name="Back up", project_id=1, project_name="Orders", runbook_id=4)
    ServerTaskFactory(name="Restart", project_id=2, project_name="Shop", runbook_id=5)
    offered = partial(re.findall, r'<option value="([45])"( selected)?>([^<]+)</option>')

    assert offered(page(client, "task_list")) == [("4", "", "Back up"), ("5", "", "Restart")]
    assert offered(page(client, "task_list", project=2, runbook=5)) == [("5", " selected", "Restart")]
    assert offered(page(client, "task_list", project=2, runbook=4))[0] == ("4", " selected", "Back up")


def test_the_list_is_a_part_for_htmx_and_live_on_its_first_page(client, several):
    response = client.get(reverse("task_list"), {"state": "running"}, **HTMX)
    html = response.content.decode()

    assert html.strip().startswith('<div id="task-rows" data-live="tasks"')
    assert 'hx-get="/tasks/?state=running"' in html
    assert "Vacuum full" in html
    assert "HX-Request" in response["Vary"]


def test_pages_go_both_ways_without_counting(space, viewer):
    made = [ServerTaskFactory(state=["Queued", "Failed"][n % 2]).pk for n in range(7)][::-1]
    ServerTaskFactory(state="Success")
    found = partial(selectors.page, space, viewer, selectors.Filters(states=["Queued", "Failed"]), size=3)

    first = found()
    second = found(before=first.older)
    third = found(before=second.older)
    back = found(after=third.newer)

    shown = [[task.pk for task in one.tasks] for one in (first, second, third, back)]
    assert shown == [made[:3], made[3:6], made[6:], made[3:6]]
    assert (first.newer, third.older, first.total, first.more) == (None, None, 7, False)


def test_an_empty_list_says_what_it_will_hold_or_how_to_get_out(client, space):
    assert "No tasks yet" in page(client, "task_list")
    assert "No tasks match" in page(client, "task_list", text="nothing")


def test_the_list_costs_the_same_for_three_tasks_as_for_thirty(client, space, django_assert_max_num_queries):
    environment, tenant = EnvironmentFactory(), TenantFactory()
    ServerTaskFactory.create_batch(3, environment=environment)
    with django_assert_max_num_queries(LIST_QUERIES):
        page(client, "task_list")
    for _ in range(30):
        ExecutionFactory(task__environment=environment, task__tenant=tenant, state=StepState.WAITING)

    with django_assert_max_num_queries(LIST_QUERIES):
        page(client, "task_list")


# Saved views.


def chips(html: str) -> list[str]:
    return re.findall(r'<a class="chip" href="/tasks/\?([^"]+)"( aria-current="page")?>([^<]+)</a>', html)


def test_filters_are_kept_under_a_name(client, several):
    pool = several["pool"].pk
    client.post(reverse("task_view_save"), {"name": "Busy", "query": f"junk=1&pool={pool}&state=running"})

    html = page(client, "task_list", pool=pool, state="running", text="")

    assert chips(html) == [(f"state=running&amp;pool={pool}", ' aria-current="page"', "Busy")]
    assert chips(page(client, "task_list")) == [(f"state=running&amp;pool={pool}", "", "Busy")]


def test_a_name_that_is_there_gets_the_new_filters(client, several):
    for name, query in (("Mine", "who=otto"), ("mine", "state=failed")):
        client.post(reverse("task_view_save"), {"name": name, "query": query})

    assert chips(page(client, "task_list")) == [("state=failed", "", "mine")]


@pytest.mark.parametrize(
    "sent",
    [{"name": " ", "query": "who=x"}, {"name": "x" * 61, "query": "who=x"}, {"name": "A", "query": ""}],
)
def test_a_view_without_a_name_or_filters_is_refused(client, space, sent):
    response = client.post(reverse("task_view_save"), sent, follow=True)

    assert "Not saved: " in response.content.decode()
    assert not SavedView.objects.exists()


def test_somebody_keeps_only_so_many_views(client, space, monkeypatch):
    monkeypatch.setattr(views, "MOST", 1)
    for name in ("A", "B"):
        response = client.post(reverse("task_view_save"), {"name": name, "query": "who=x"}, follow=True)

    assert "You keep 1 views already" in response.content.decode()
    assert [view.name for view in SavedView.objects.all()] == ["A"]


def test_views_of_others_are_neither_shown_nor_removed(client, as_user, viewer, space):
    client.post(reverse("task_view_save"), {"name": "Mine", "query": "who=x"})
    view, other = SavedView.objects.get(), as_user(viewer)

    assert chips(page(other, "task_list")) == []
    assert other.post(reverse("task_view_remove", args=[view.pk])).status_code == 404

    own = as_user(view.owner)
    assert own.post(reverse("task_view_remove", args=[view.pk])).status_code == 302
    assert not SavedView.objects.exists()


# Selectors that other pages use.


def test_steps_wait_in_the_order_in_which_they_came(space):
    pool, other = WorkerPoolFactory(), WorkerPoolFactory()
    now = timezone.now()
    late, early = (
        ExecutionFactory(state=StepState.WAITING, pool_id=pool.pk, waiting_since=now - timedelta(seconds=age))
        for age in (1, 5)
    )
    ExecutionFactory(state=StepState.RUNNING, pool_id=pool.pk)

    assert selectors.waiting_by_pool([pool.pk, other.pk]) == {pool.pk: [early, late], other.pk: []}


def test_a_warning_in_the_log_shows_in_the_list(client, space):
    attempt = AttemptFactory()
    write(attempt, [run(b"careful\n", level=Level.WARNING)])
    ServerTask.objects.update(state=TaskState.SUCCESS)

    assert "Success with warnings" in page(client, "task_list")


def test_many_are_cancelled_at_once_but_only_of_this_space(client, space):
    mine, other = ServerTaskFactory(), ServerTaskFactory(space=SpaceFactory())
    ended = ServerTaskFactory(state=TaskState.SUCCESS)

    client.post(reverse("task_cancel_many"), {"task": [mine.pk, other.pk, ended.pk, "x", "9" * 30]})

    states = ServerTask.objects.in_bulk()
    assert [states[one.pk].state for one in (mine, other, ended)] == ["Canceled", "Queued", "Success"]
