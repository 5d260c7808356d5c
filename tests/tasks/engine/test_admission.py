"""Who leaves the queue, with the database: order, caps, turns, locks, pauses, times."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from domain import queue as rule
from domain.queue import Admission, Capacity, QueueState
from domain.waits import LastLook
from pools.models import WorkerPool
from protocol.log import Level
from tasks.engine import admission, node, waits
from tasks.models import (
    Execution,
    LockHold,
    LockMode,
    NamedLock,
    Node,
    PauseMode,
    ServerTask,
    StepState,
    TaskEvent,
    TaskState,
)
from tasks.selectors import lines
from tasks.selectors.pauses import rules as pause_rules
from tasks.services import pauses, tasks
from tasks.services.options import LockRequest, RunOptions
from tests.factories import (
    EnvironmentFactory,
    MachineFactory,
    ServerTaskFactory,
    SpaceFactory,
    UserFactory,
    WorkerPoolFactory,
)
from tests.tasks.engine.builders import queue

pytestmark = pytest.mark.django_db
NOW = timezone.now()
SOON = NOW + timedelta(minutes=3)
LATER = NOW + timedelta(hours=1)
SHARED = (LockRequest("db", LockMode.SHARED),)
EXCLUSIVE = (LockRequest("db"),)
WEB = (LockRequest("web"),)
#: What looking costs while nothing can start: expired ones, whether any is queued, cap, busy, waiting for
#: children, pauses, stopped spaces, the first page.
LOOKING = 8
#: A run of one step into a pool without workers, locks and savepoints included.
ADMITTING = 17
#: Ten pages. What is counted does not grow with them, which is the point.
MANY = 1000


def pool_with_worker(space) -> WorkerPool:
    """Its worker takes a step and never says anything, so that a run that was admitted stays active."""
    pool = WorkerPoolFactory(space=space)
    MachineFactory(space=space, pools=[pool], slots=1)
    return pool


@pytest.fixture
def pool(space):
    return pool_with_worker(space)


@pytest.fixture
def environment(space):
    return EnvironmentFactory(space=space)


@pytest.fixture
def enqueue(pool, environment):
    """`enqueue(key, ...)` queues a run; `enqueue.options(...)` are RunOptions."""

    def make(key: str, *, in_=None, into=None, **options) -> ServerTask:
        return queue(
            "echo",
            pool=into or pool,
            environment=in_ or environment,
            concurrency_key=key,
            now=NOW,
            options=RunOptions(**options),
        )

    return make


@pytest.fixture
def capped():
    """`capped(2)` lets this node run two tasks at once."""

    def cap(count: int, **given) -> Node:
        return Node.objects.create(
            name=node.current().name, task_cap=count, started_at=NOW, last_seen_at=NOW, **given
        )

    return cap


def admit(now=NOW) -> None:
    admission.admit(now=now)


def active() -> list[int]:
    return list(
        ServerTask.objects.filter(state=TaskState.EXECUTING).order_by("pk").values_list("pk", flat=True)
    )


def end(task: ServerTask, *, now=NOW) -> None:
    tasks.cancel(task, user=UserFactory(), now=now)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def test_a_run_gets_its_slot_and_its_node(enqueue):
    task = enqueue("a")
    admit()
    task = fresh(task)
    assert (task.state, task.slot_key, task.node_name) == (TaskState.EXECUTING, "a#1", node.current().name)


def test_one_at_a_time_per_key_and_any_number_where_there_is_no_limit(enqueue):
    first, second = enqueue("a"), enqueue("a")
    others = [enqueue("b", max_concurrent=0) for _ in range(3)]
    admit()
    assert active() == [first.pk, *(one.pk for one in others)]
    assert [fresh(one).slot_key for one in others] == [f"b#{one.pk}" for one in others]
    end(first)
    admit()
    assert second.pk in active()


def test_so_many_at_once_and_a_free_slot_is_used_again(enqueue):
    one, two, three = (enqueue("a", max_concurrent=2) for _ in range(3))
    admit()
    assert active() == [one.pk, two.pk]
    end(one)
    admit()
    assert (active(), fresh(three).slot_key) == ([two.pk, three.pk], "a#1")


def test_moved_to_the_top_goes_before_prioritised_goes_before_first_in(enqueue, capped):
    capped(1)
    first, prioritised, moved = enqueue("a"), enqueue("b", is_prioritised=True), enqueue("c")
    tasks.move_to_top(moved, user=UserFactory(), now=NOW)
    order = []
    for _ in range(3):
        admit()
        [pk] = active()
        order.append(pk)
        end(ServerTask.objects.get(pk=pk))
    assert order == [moved.pk, prioritised.pk, first.pk]


def test_the_last_one_moved_to_the_top_is_first(enqueue):
    one, two = enqueue("a"), enqueue("b")
    tasks.move_to_top(one, user=UserFactory(), now=NOW)
    tasks.move_to_top(two, user=UserFactory(), now=NOW)
    assert fresh(two).queue_rank > fresh(one).queue_rank > 1


def test_what_left_the_queue_cannot_be_moved(enqueue):
    task = enqueue("a")
    admit()
    with pytest.raises(tasks.NotQueued):
        tasks.move_to_top(task, user=UserFactory(), now=NOW)


def test_the_cap_of_the_node_holds_and_one_that_waits_for_a_person_takes_no_room(enqueue, capped):
    capped(2)
    one, two, three = enqueue("a"), enqueue("b"), enqueue("c")
    admit()
    assert active() == [one.pk, two.pk]
    ServerTask.objects.filter(pk=one.pk).update(awaits_answer=True)
    admit()
    assert active() == [one.pk, two.pk, three.pk]


def test_what_other_nodes_run_does_not_count_here(enqueue, capped):
    capped(1)
    ServerTaskFactory(state=TaskState.EXECUTING, node_name="another", slot_key="x#1")
    task = enqueue("a")
    admit()
    assert task.pk in active()


def test_a_draining_node_takes_nothing_new(enqueue, capped):
    capped(5, is_draining=True)
    enqueue("a")
    admit()
    assert active() == []


def test_a_lock_is_held_until_the_run_ends(enqueue, space):
    first, second = enqueue("a", locks=EXCLUSIVE), enqueue("b", locks=EXCLUSIVE)
    admit()
    assert active() == [first.pk]
    assert [hold.task_id for hold in LockHold.objects.filter(lock__name="db")] == [first.pk]
    end(first)
    assert not LockHold.objects.exists()
    admit()
    assert active() == [second.pk]


def test_shared_holders_keep_an_exclusive_one_waiting_who_keeps_later_sharers_waiting(enqueue):
    one, two = enqueue("a", locks=SHARED), enqueue("b", locks=SHARED)
    admit()
    alone, late = enqueue("c", locks=EXCLUSIVE), enqueue("d", locks=SHARED)
    free = enqueue("e")
    admit()
    assert active() == [one.pk, two.pk, free.pk]
    end(one)
    end(two)
    admit()
    assert active() == [alone.pk, free.pk]
    end(alone)
    admit()
    assert active() == [late.pk, free.pk]


def test_locks_of_the_same_name_in_two_spaces_are_two(enqueue, space):
    other = NamedLock.objects.create(space=SpaceFactory(), name="db")
    LockHold.objects.create(lock=other, task=ServerTaskFactory(), is_exclusive=True)
    task = enqueue("a", locks=EXCLUSIVE)
    admit()
    assert task.pk in active()


def test_a_scheduled_run_waits_for_its_time_and_keeps_nobody_back(enqueue):
    later, now = enqueue("a", start_at=LATER), enqueue("a")
    admit()
    assert active() == [now.pk]
    end(now)
    admit(now=LATER)
    assert active() == [later.pk]


def test_a_run_that_has_waited_too_long_times_out(enqueue):
    holder = enqueue("a")
    late = enqueue("a", queue_timeout=timedelta(minutes=30))
    admit()
    admit(now=NOW + timedelta(minutes=29))
    assert fresh(late).state == TaskState.QUEUED
    admit(now=NOW + timedelta(minutes=30))
    late = fresh(late)
    assert (late.state, late.completed_at) == (TaskState.TIMED_OUT, NOW + timedelta(minutes=30))
    assert late.error_message.startswith("Not started: no room for it within 30 m")
    assert [one.state for one in late.executions.all()] == [StepState.CANCELED]
    assert active() == [holder.pk]


def test_the_timeout_of_a_scheduled_run_counts_from_its_start(enqueue):
    task = enqueue("a", start_at=LATER, queue_timeout=timedelta(minutes=5))
    assert task.queue_expires_at == LATER + timedelta(minutes=5)
    admit(now=LATER)
    assert active() == [task.pk]
    admit(now=LATER + timedelta(minutes=6))
    assert active() == [task.pk]


@pytest.mark.parametrize("mode", list(PauseMode))
@pytest.mark.parametrize("what", ["everything", "environment", "pool"])
def test_what_is_paused_or_drained_takes_nothing_new(enqueue, space, environment, pool, what, mode):
    scope = {"everything": None, "environment": environment, "pool": pool}[what]
    user = UserFactory()
    pauses.pause(scope, mode=mode, reason="Disks", user=user, now=NOW)
    held, elsewhere = enqueue("a"), enqueue("b", in_=EnvironmentFactory(), into=pool_with_worker(space))
    admit()
    assert active() == ([] if scope is None else [elsewhere.pk])
    pauses.resume(scope, user=user)
    admit()
    assert held.pk in active()


def test_a_pool_whose_step_is_done_holds_nothing_back(enqueue, pool):
    task = enqueue("a")
    Execution.objects.filter(task=task).update(state=StepState.SUCCESS)
    pauses.pause(pool, mode=PauseMode.PAUSE, reason="Disks", user=UserFactory(), now=NOW)
    admit()
    assert fresh(task).state != TaskState.QUEUED


# --- Why it waited ---------------------------------------------------------------------------------


def waits_of(task: ServerTask) -> list[str]:
    return list(TaskEvent.objects.filter(task=task, level=Level.WAIT).values_list("message", flat=True))


@pytest.fixture(autouse=True)
def _no_looks_before(monkeypatch):
    """What other tests met."""
    monkeypatch.setattr(waits._looks, "current", LastLook())


def test_it_is_kept_behind_whom_a_run_waited(enqueue):
    first, second = enqueue("a"), enqueue("a")
    admit()
    end(first, now=SOON)
    admit(now=SOON)
    assert waits_of(second) == [f"Waited 3 m 00 s behind task {first.pk}: they run one after the other."]
    assert waits_of(first) == []


def test_it_is_kept_for_which_lock_a_run_waited_and_who_held_it(enqueue):
    first, second = enqueue("a", locks=EXCLUSIVE), enqueue("b", locks=EXCLUSIVE)
    admit()
    end(first, now=SOON)
    admit(now=SOON)
    assert waits_of(second) == [f"Waited 3 m 00 s for the lock db, held by task {first.pk}."]


def test_it_is_kept_that_the_server_was_full(enqueue, capped):
    capped(1)
    first, second = enqueue("a"), enqueue("b")
    admit()
    end(first, now=SOON)
    admit(now=SOON)
    assert waits_of(second) == ["Waited 3 m 00 s: the server was full."]


@pytest.mark.parametrize("what", ["everything", "environment", "pool"])
def test_it_is_kept_what_was_paused(enqueue, environment, pool, what):
    scope = {"everything": None, "environment": environment, "pool": pool}[what]
    user = UserFactory()
    pauses.pause(scope, mode=PauseMode.PAUSE, reason="Disks.", user=user, now=NOW)
    task = enqueue("a")
    admit()
    pauses.resume(scope, user=user)
    admit(now=SOON)
    label = {"everything": "Everything", "environment": f"Environment {environment}"}.get(
        what, f"Worker pool {pool}"
    )
    assert waits_of(task) == [f"Waited 3 m 00 s: {label} was paused by {user}: Disks."]


def test_a_scheduled_run_that_starts_in_time_has_not_waited(enqueue):
    task = enqueue("a", start_at=LATER)
    admit(now=LATER)
    assert active() == [task.pk]
    assert waits_of(task) == []


# --- A long queue ---------------------------------------------------------------------------------


def lengthen(count: int, template: ServerTask, *, key=lambda n: f"k{n}", **given) -> None:
    """Queues copies of a run, each with its step."""
    fields = {
        field.attname: getattr(template, field.attname)
        for field in ServerTask._meta.concrete_fields
        if not field.primary_key
    } | given
    rows = ServerTask.objects.bulk_create(
        [ServerTask(**{**fields, "concurrency_key": key(n)}) for n in range(count)], batch_size=500
    )
    Execution.objects.bulk_create(
        [
            Execution(
                task=row,
                number=1,
                step_number=1,
                name="Step",
                pool_id=template.executions.get().pool_id,
            )
            for row in rows
        ],
        batch_size=500,
    )


def queries_of_admission() -> int:
    with CaptureQueriesContext(connection) as captured:
        admit()
    return len(captured)


def test_a_thousand_runs_of_one_key_cost_no_more_than_two(enqueue):
    holder = enqueue("a")
    admit()
    template = enqueue("a")
    few = queries_of_admission()
    lengthen(MANY, template, key=lambda n: "a")
    # One page more, from which the key is left out already, in both of its parts.
    assert queries_of_admission() <= few + 2 <= LOOKING + 2
    end(holder)
    assert queries_of_admission() <= few + 2 + ADMITTING
    assert active() == [template.pk]


def test_a_full_node_does_not_read_the_queue(enqueue, capped):
    capped(1)
    enqueue("a")
    admit()
    lengthen(300, enqueue("b"))
    asked = []

    def listen(execute, sql, *more):
        asked.append(sql)
        return execute(sql, *more)

    # PostgreSQL's driver does not say afterwards what a prepared statement was.
    with connection.execute_wrapper(listen):
        admit()
    assert asked
    assert not [sql for sql in asked if "queue_rank" in sql]


def test_one_that_can_start_is_found_behind_many_that_cannot(enqueue, capped):
    enqueue("a", locks=EXCLUSIVE)
    admit()
    capped(2)
    lengthen(350, enqueue("b", locks=EXCLUSIVE))
    last = enqueue("z")
    admit()
    assert last.pk in active()


def test_a_thousand_runs_with_keys_of_their_own_are_read_as_far_as_there_is_room(enqueue, capped):
    capped(1)
    lengthen(MANY, enqueue("a"))
    with CaptureQueriesContext(connection) as captured:
        admit()
    assert len(active()) == 1
    assert len(captured) <= LOOKING + ADMITTING


def test_pauses_and_times_are_left_to_the_database(enqueue, environment, pool, capped):
    pauses.pause(environment, mode=PauseMode.DRAIN, reason="Load", user=UserFactory(), now=NOW)
    lengthen(500, enqueue("a"))
    lengthen(500, enqueue("b", in_=EnvironmentFactory(), start_at=LATER), key=lambda n: f"s{n}")
    assert queries_of_admission() <= LOOKING
    assert active() == []


def test_a_run_does_not_overtake_one_of_its_key_that_waits_for_a_lock_on_an_earlier_page(
    enqueue, monkeypatch
):
    monkeypatch.setattr(lines, "PAGE", 2)
    enqueue("held", locks=EXCLUSIVE)
    admit()
    for key in "abcd":
        enqueue(key, locks=EXCLUSIVE)
    # Of the same key as one that the second page leaves out, and without the lock.
    overtaker, other = enqueue("d"), enqueue("e")
    admit()
    assert overtaker.pk not in active()
    assert other.pk in active()


def test_pages_go_on_across_ranks(enqueue, capped, monkeypatch):
    monkeypatch.setattr(lines, "PAGE", 3)
    enqueue("held", locks=tuple(LockRequest(f"lock {n}") for n in range(8)))
    admit()
    for number, rank in enumerate((0, 5, 5, 9, 9, 9, 9, 0)):
        lock = LockRequest(f"lock {number}")
        task = enqueue(f"rank {rank}", locks=(lock,), max_concurrent=0)
        ServerTask.objects.filter(pk=task.pk).update(queue_rank=rank)
    last = enqueue("last")
    admit()
    assert last.pk in active()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_stands_in_the_queue_the_rule_decides(enqueue, environment, capped, monkeypatch, seed):
    """Pages, and what is left out of them, change nothing."""
    monkeypatch.setattr(lines, "PAGE", 3)
    monkeypatch.setattr(lines, "FEW", 2)
    chance = random.Random(seed)  # noqa: S311 - no secrets here
    paused = EnvironmentFactory(space=environment.space)
    pauses.pause(paused, mode=PauseMode.DRAIN, reason="Load", user=UserFactory(), now=NOW)
    here = capped(4)
    for round in range(3):
        for _ in range(12):
            locks = chance.choice(
                [(), (), SHARED, EXCLUSIVE, (LockRequest("web"),), (*SHARED, LockRequest("web"))]
            )
            task = enqueue(
                chance.choice("abcd"),
                in_=chance.choice([environment] * 5 + [paused]),
                max_concurrent=chance.choice([0, 1, 1, 2, 3]),
                locks=locks,
                start_at=chance.choice([None] * 5 + [LATER]),
            )
            ServerTask.objects.filter(pk=task.pk).update(queue_rank=chance.choice([0, 0, 0, 1, 7]))
        expected = by_the_rule(Capacity(len(active()), 4 + 4 * round))
        Node.objects.filter(pk=here.pk).update(task_cap=4 + 4 * round)
        admit()
        assert set(active()) == expected
        for pk in chance.sample(sorted(expected), len(expected) // 2):
            end(ServerTask.objects.get(pk=pk))


def by_the_rule(capacity: Capacity) -> set[int]:
    """Who runs after the next look, as `domain.queue` says over the whole queue."""
    rules = pause_rules()
    runs = lines.read(lines.queued(), rules)
    state = QueueState(
        NOW,
        capacity,
        active=lines.active({run.key for run in runs}),
        locks=lines.lock_holders(lines.lock_keys(runs)),
        pauses=rules,
    )
    started = {one.run for one in rule.admit(runs, state) if isinstance(one, Admission)}
    return started | set(active())
