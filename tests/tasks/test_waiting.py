"""Why it is waiting: the reason with its place and its holders, everywhere a waiting task is shown."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from domain.queue import WaitKind
from tasks.models import LockHold, NamedLock, Node, PauseMode, ServerTask, StepState, TaskState
from tasks.selectors import queue as selectors
from tasks.services import pauses
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    ExecutionFactory,
    MachineFactory,
    ProjectFactory,
    RunbookFactory,
    ServerTaskFactory,
    UserFactory,
    WorkerPoolFactory,
)
from tests.tasks.builders import page

pytestmark = pytest.mark.django_db
NOW = timezone.now()
EXCLUSIVE = [{"name": "db", "mode": "Exclusive"}]


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


@pytest.fixture
def environment(space):
    return EnvironmentFactory(space=space, name="Test")


def node(name: str, **given) -> Node:
    return Node.objects.create(name=name, started_at=NOW, last_seen_at=NOW, **given)


def why(task: ServerTask):
    return selectors.why_waiting([task], now=NOW)[task.pk]


def link(task: ServerTask) -> str:
    return f'<a class="ref" href="/tasks/{task.pk}/">task {task.pk}</a>'


def test_only_what_is_queued_waits(space):
    running = ServerTaskFactory(state=TaskState.EXECUTING)
    assert selectors.why_waiting([running], now=NOW) == {}


def test_a_task_says_its_place_in_the_queue_and_in_its_line(space):
    holder = ServerTaskFactory(state=TaskState.EXECUTING, concurrency_key="a", slot_key="a#1")
    ServerTaskFactory(concurrency_key="a"), ServerTaskFactory(concurrency_key="b")
    wait = why(ServerTaskFactory(concurrency_key="a"))
    assert (wait.kind, wait.position, wait.line, wait.holders) == (WaitKind.TURN, 3, 2, (holder.pk,))


def test_a_lock_names_who_holds_it(space, environment):
    holder = ServerTaskFactory(state=TaskState.EXECUTING)
    lock = NamedLock.objects.create(space=space, name="db")
    LockHold.objects.create(lock=lock, task=holder, is_exclusive=True)
    wait = why(ServerTaskFactory(locks=EXCLUSIVE, lock_key="x"))
    assert wait.sentence == f"Waits for the lock db, held by task {holder.pk}."


def test_the_server_is_full_when_all_nodes_together_are(space):
    node("a", task_cap=1)
    node("b", task_cap=1)
    node("c", task_cap=50, is_draining=True)
    node("d", task_cap=50, runs_engine=False)
    Node.objects.create(name="e", task_cap=50, started_at=NOW, last_seen_at=NOW - timedelta(minutes=5))
    ServerTaskFactory(state=TaskState.EXECUTING, node_name="a", slot_key="a")
    task = ServerTaskFactory()
    assert why(task).kind is WaitKind.READY
    ServerTaskFactory(state=TaskState.EXECUTING, node_name="b", slot_key="b")
    ServerTaskFactory(state=TaskState.EXECUTING, node_name="c", slot_key="c")
    assert why(task).sentence == "The server is full: 2 of 2 tasks run."


def test_one_that_waits_for_a_person_takes_no_room(space):
    node("a", task_cap=1)
    ServerTaskFactory(state=TaskState.EXECUTING, node_name="a", awaits_answer=True)
    assert why(ServerTaskFactory()).kind is WaitKind.READY


@pytest.mark.parametrize("mode", list(PauseMode))
def test_a_pause_says_who_and_why(space, environment, mode):
    pauses.pause(environment, mode=mode, reason="New disks", user=UserFactory(username="ada"), now=NOW)
    verb = "is paused" if mode == PauseMode.PAUSE else "is being drained"
    assert why(ServerTaskFactory(environment=environment)).sentence == (
        f"Environment Test {verb} by ada: New disks."
    )


def test_a_pool_holds_back_what_still_needs_it(space):
    pool = WorkerPoolFactory(space=space, name="SQL")
    pauses.pause(pool, mode=PauseMode.DRAIN, reason="Disks", user=UserFactory(username="ada"), now=NOW)
    step = ExecutionFactory(pool_id=pool.pk)
    done = ExecutionFactory(pool_id=pool.pk, state=StepState.SUCCESS)
    assert why(step.task).sentence == "Worker pool SQL is being drained by ada: Disks."
    assert why(done.task).kind is WaitKind.READY


def test_many_cost_as_many_queries_as_one_and_far_back_the_place_is_left_open(space, monkeypatch):
    monkeypatch.setattr(selectors, "DEEP", 5)
    tasks = [ServerTaskFactory(concurrency_key="a", locks=EXCLUSIVE, lock_key="x") for _ in range(9)]
    with CaptureQueriesContext(connection) as one:
        waits = selectors.why_waiting(tasks[:1], now=NOW)
    with CaptureQueriesContext(connection) as many:
        waits = selectors.why_waiting(tasks, now=NOW)
    # One more for those far back.
    assert len(many) <= len(one) + 1 <= 8
    assert len(waits) == 9
    lines = [selectors.in_line(waits[task.pk]) for task in tasks]
    assert lines == ["", "1st in line", "2nd in line", "3rd in line", "4th in line", "", "", "", ""]


def test_a_step_says_its_place_in_line_and_who_has_the_slots(space):
    pool, other = WorkerPoolFactory(space=space), WorkerPoolFactory(space=space)
    machine = MachineFactory(pools=[pool, other], slots=1)
    holder = AttemptFactory(machine=machine, execution__pool_id=other.pk).execution.task
    first = ExecutionFactory(
        state=StepState.WAITING,
        pool_id=pool.pk,
        waiting_for="SQL is full: 1 of 1 slot busy.",
        waiting_since=NOW,
    )
    second = ExecutionFactory(
        state=StepState.WAITING,
        pool_id=pool.pk,
        waiting_for="No available worker of SQL has psql.",
        waiting_since=NOW + timedelta(seconds=1),
    )
    waits = selectors.why_steps_wait([first, second])
    assert [waits[one.pk].sentence for one in (first, second)] == [
        f"SQL is full: 1 of 1 slot busy. 1st in line. The slots are held by task {holder.pk}.",
        "No available worker of SQL has psql. 2nd in line.",
    ]


# --- Pages ----------------------------------------------------------------------------------------


@pytest.fixture
def held(space, environment):
    """Somebody who runs and somebody who waits for that."""
    project = ProjectFactory(space=space)
    runbook = RunbookFactory(project=project)
    given = {
        "concurrency_key": "a",
        "environment": environment,
        "project_id": project.pk,
        "runbook_id": runbook.pk,
    }
    holder = ServerTaskFactory(state=TaskState.EXECUTING, slot_key="a#1", **given)
    ServerTaskFactory(concurrency_key="z")
    return {"holder": holder, "task": ServerTaskFactory(**given), "project": project, "runbook": runbook}


def test_the_page_of_a_task_says_why_with_a_link_to_the_holder(client, held):
    html = page(client, "task_detail", held["task"].pk)
    assert "Number 2 in the queue" in html
    assert f"Behind {link(held['holder'])}: they run one after the other." in html
    assert "1st in line." in html


def test_a_scheduled_task_says_so(client, space):
    task = ServerTaskFactory(start_at=NOW + timedelta(days=1))
    html = page(client, "task_detail", task.pk)
    assert "<h2>Waiting for its time</h2><p>Scheduled to start on " in html


def test_a_step_that_waits_links_those_who_have_the_slots(client, space):
    pool = WorkerPoolFactory(space=space)
    holder = AttemptFactory(machine=MachineFactory(pools=[pool])).execution.task
    step = ExecutionFactory(
        task__state=TaskState.EXECUTING,
        state=StepState.WAITING,
        pool_id=pool.pk,
        waiting_for="SQL is full: 1 of 1 slot busy.",
        waiting_since=NOW,
    )
    html = page(client, "task_detail", step.task_id)
    assert f"1st in line. The slots are held by {link(holder)}." in html


@pytest.mark.parametrize("where", ["task_list", "project_detail", "runbook_detail", "dashboard"])
def test_every_list_says_why(client, held, where):
    project, runbook = held["project"], held["runbook"]
    addresses = {
        "project_detail": [project.slug],
        "runbook_detail": [project.slug, runbook.slug],
    }
    html = page(client, where, *addresses.get(where, []))
    assert f"Behind {link(held['holder'])}: they run one after the other." in html
    assert "1st in line." in html


def test_move_to_top_is_offered_on_the_page_and_in_the_list_to_those_who_may(client, held, as_user, viewer):
    task = held["task"]
    address = reverse("task_move_to_top", args=[task.pk])
    for name, arguments in (("task_detail", [task.pk]), ("task_list", [])):
        assert f'action="{address}"' in page(client, name, *arguments)
        assert address not in page(as_user(viewer), name, *arguments)
    assert reverse("task_move_to_top", args=[held["holder"].pk]) not in page(client, "task_list")


def test_moving_to_the_top(client, held):
    task = held["task"]
    answer = client.post(reverse("task_move_to_top", args=[task.pk]))
    assert answer.url == reverse("task_detail", args=[task.pk])
    assert ServerTask.objects.get(pk=task.pk).queue_rank == 2
    assert client.post(reverse("task_move_to_top", args=[task.pk]), {"list": 1}).url == reverse("task_list")


def test_a_task_that_has_started_meanwhile_stays_where_it_is(client, held):
    address = reverse("task_move_to_top", args=[held["holder"].pk])
    html = client.post(address, follow=True).content.decode()
    assert f"Task {held['holder'].pk} does not wait any more." in html


def test_a_viewer_cannot_move_to_the_top(as_user, viewer, held):
    assert as_user(viewer).post(reverse("task_move_to_top", args=[held["task"].pk])).status_code == 403


def test_the_page_of_locks_shows_holders_and_waiters_in_order(client, space, environment):
    assert "No lock is held" in page(client, "lock_list")
    lock = NamedLock.objects.create(space=space, name="db")
    holder = ServerTaskFactory(state=TaskState.EXECUTING, name="Holder", environment=environment)
    LockHold.objects.create(lock=lock, task=holder, is_exclusive=False)
    ServerTaskFactory(name="Second", locks=EXCLUSIVE, lock_key="x")
    ServerTaskFactory(name="First", locks=EXCLUSIVE, lock_key="x", queue_rank=1)
    html = page(client, "lock_list")
    assert re.findall(r"(Holder|First|Second) #", html) == ["Holder", "First", "Second"]
    assert html.count(">exclusive<") == 2
    assert html.count(">shared<") == 1
