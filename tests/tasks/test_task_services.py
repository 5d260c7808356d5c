"""Creating tasks: what their process says of runs that overlap, turns by tag, locks by name, times."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from tasks.engine import admission
from tasks.models import Kind, LockMode, NamedLock, Overlap, ServerTask, TaskState
from tasks.services import tasks, turns
from tasks.services.options import LockRequest, RunOptions
from tests.factories import EnvironmentFactory, MachineFactory, UserFactory, WorkerPoolFactory
from tests.tasks.engine.builders import frozen_variables, queue

pytestmark = pytest.mark.django_db
NOW = timezone.now()
TAG = "Octopus.Task.ConcurrencyTag"


@pytest.fixture
def pool(space):
    pool = WorkerPoolFactory(space=space)
    MachineFactory(space=space, pools=[pool], slots=1)
    return pool


@pytest.fixture
def create(pool):
    environment = EnvironmentFactory(space=pool.space, name="Test")

    def make(*, variables=(), **options) -> ServerTask:
        return queue(
            "echo",
            pool=pool,
            environment=environment,
            variables=frozen_variables(list(variables)),
            now=NOW,
            options=RunOptions(**options),
        )

    return make


def fresh(task: ServerTask) -> ServerTask:
    return ServerTask.objects.get(pk=task.pk)


def test_options_are_stored(create):
    task = create(
        max_concurrent=3,
        is_prioritised=True,
        guided_failure=True,
        time_limit_minutes=20,
        trigger_name="Nightly",
        queue_timeout=timedelta(minutes=5),
    )
    assert (task.concurrency_limit, task.queue_rank, task.guided_failure) == (3, 1, True)
    assert (task.time_limit_minutes, task.trigger_name) == (20, "Nightly")
    assert task.queue_expires_at == task.wake_at == NOW + timedelta(minutes=5)


def test_a_run_that_would_have_to_wait_is_skipped_and_leaves_a_trace(create):
    running = create()
    admission.admit(now=NOW)
    task = create(overlap=Overlap.SKIP, queue_timeout=timedelta(minutes=5))
    assert (task.state, task.completed_at) == (TaskState.CANCELED, NOW)
    assert task.error_message == (
        f"Not started: task {running.pk} was running, and this runbook skips a run that would have to wait."
    )
    assert [one.state for one in task.executions.all()] == ["Canceled"]
    assert task.wake_at is None
    assert Event.objects.get(category="Skipped").subject_id == str(task.pk)


@pytest.mark.parametrize(
    ("before", "options", "state"),
    [
        pytest.param([], {}, TaskState.QUEUED, id="alone"),
        pytest.param([{}], {}, TaskState.CANCELED, id="behind-one-that-waits"),
        pytest.param([{}], {"max_concurrent": 2}, TaskState.QUEUED, id="room-for-two"),
        pytest.param([{}, {}], {"max_concurrent": 2}, TaskState.CANCELED, id="two-before"),
        pytest.param([{}], {"max_concurrent": 0}, TaskState.QUEUED, id="any-number"),
        pytest.param([{"start_at": NOW + timedelta(1)}], {}, TaskState.QUEUED, id="before-one-for-tomorrow"),
        pytest.param([{}], {"start_at": NOW + timedelta(1)}, TaskState.QUEUED, id="for-tomorrow-itself"),
    ],
)
def test_when_a_run_is_skipped(create, before, options, state):
    for given in before:
        create(**given)
    assert create(overlap=Overlap.SKIP, **options).state == state


def test_a_run_takes_the_place_of_those_before_it(create):
    running, queued, tomorrow = create(), create(), create(start_at=NOW + timedelta(1))
    admission.admit(now=NOW)
    task = create(overlap=Overlap.REPLACE)
    assert [fresh(one).state for one in (running, queued)] == [TaskState.CANCELED] * 2
    assert fresh(running).cancel_requested_by == str(task.created_by)
    assert f"Replaced by task {task.pk}." in running.events.values_list("message", flat=True)
    assert fresh(tomorrow).state == TaskState.QUEUED
    admission.admit(now=NOW)
    assert fresh(task).state == TaskState.EXECUTING


def test_a_run_for_tomorrow_replaces_nobody_today(create):
    running = create()
    create(overlap=Overlap.REPLACE, start_at=NOW + timedelta(1))
    assert fresh(running).state == TaskState.QUEUED


def test_runs_with_the_same_tag_take_turns_whatever_they_run(create, space):
    task = create(
        variables=[(TAG, "String", "db-#{Octopus.Environment.Name}-#{Host}"), ("Host", "String", "a")]
    )
    assert task.concurrency_key == f"tag:{space.pk}:db-Test-a"


@pytest.mark.parametrize("variables", [[], [(TAG, "String", "  ")], [(TAG, "Sensitive", "hush")]])
def test_without_a_tag_that_can_be_shown_the_place_counts(create, variables):
    assert create(variables=variables).concurrency_key == "runbook:1"


def test_a_secret_is_not_put_into_a_tag(create, space):
    task = create(variables=[(TAG, "String", "db-#{Word}"), ("Word", "Sensitive", "hush")])
    assert task.concurrency_key == f"tag:{space.pk}:db-#{{Word}}"


def test_long_tags_stay_apart(create):
    keys = {create(variables=[(TAG, "String", "x" * 300 + end)]).concurrency_key for end in "ab"}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {200}


def test_names_of_locks_are_alike_in_any_case_and_may_hold_values(create, space):
    task = create(
        variables=[("Host", "String", "DB1")],
        locks=(
            LockRequest("Disk #{Host}", LockMode.SHARED),
            LockRequest("disk db1"),
            LockRequest("A", LockMode.SHARED),
        ),
    )
    assert task.locks == [{"name": "a", "mode": "Shared"}, {"name": "disk db1", "mode": "Exclusive"}]
    assert list(NamedLock.objects.in_space(space).values_list("name", flat=True)) == ["a", "disk db1"]


def test_the_same_locks_have_the_same_key(create):
    one, same, other, none = (create(locks=(LockRequest(n),) if n else ()) for n in ("a", "A", "b", ""))
    assert one.lock_key == same.lock_key != other.lock_key
    assert none.lock_key == ""


@pytest.mark.parametrize(
    ("start_at", "why"),
    [(NOW - timedelta(minutes=2), "in the past"), (NOW + timedelta(days=31), "next 30 days")],
)
def test_a_start_that_makes_no_sense_is_refused(create, start_at, why):
    with pytest.raises(tasks.BadStart, match=why):
        create(start_at=start_at)


def test_a_start_that_is_just_over_means_now(create):
    assert create(start_at=NOW - timedelta(seconds=30)).start_at is None


def test_moving_to_the_top_is_told(create):
    task = create()
    tasks.move_to_top(task, user=UserFactory(username="otto"), now=NOW)
    assert "otto moved it to the top of the queue." in task.events.values_list("message", flat=True)
    assert Event.objects.filter(message__startswith="Moved A runbook in Test to the top").exists()


def test_a_skipped_deployment_says_so():
    ahead = ServerTask.objects.none()
    assert turns.reason_to_skip(RunOptions(overlap=Overlap.SKIP), Kind.DEPLOY, ahead) == ""
