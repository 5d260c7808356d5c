"""Takes runs out of the queue, as `domain.queue` decides, up to the cap of this node.

First one look, at one moment of the database, says who may start. Then each of these starts in a short
transaction of its own, in which the rule is asked once more about it: by then the key and the locks that it
needs are held against other nodes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from zlib import crc32

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet

from common.prepared import Param, Rows, Update
from common.times import duration_words
from domain import queue, runs
from domain.queue import Admission, Capacity, PauseRule, QueuedRun, QueueState
from tasks.engine import node, waits
from tasks.engine.advance import advance
from tasks.models import ACTIVE, Attempt, AttemptState, Node, ServerTask, TaskState
from tasks.selectors import lines, pauses
from tasks.services import locks

#: How often a pass is repeated when other nodes were faster. The next sweep goes on.
ROUNDS = 3
#: Keys that the next page leaves out because all their runs wait.
LEFT_OUT = 500

# Two passes of one node would each count what is free without what the other is about to take.
_one_at_a_time = threading.Lock()


_late = Rows(
    # By the time alone: SQLite would rather look at all that are queued.
    lambda: (
        ServerTask.objects.filter(wake_at__lte=Param("now"))
        .order_by("wake_at")
        .values_list("pk", "state", "queued_at", "start_at", "queue_expires_at")
    )
)
_queued = Rows(lambda: ServerTask.objects.filter(state=TaskState.QUEUED).order_by().values_list("pk")[:1])
_node = Rows(lambda: Node.objects.filter(name=Param("name")).values_list("task_cap", "is_draining"))
#: What waits for tasks that it started takes no room: they would never get any.
_WAIT_FOR_CHILDREN = Attempt.objects.filter(state=AttemptState.SERVING, child__is_awaited=True).values(
    "execution__task"
)
_busy = Rows(
    # "IN (0)" finds its place in the index on every database; "NOT awaits_answer" does not.
    lambda: (
        ServerTask.objects.filter(state__in=ACTIVE, node_name=Param("name"), awaits_answer__in=[False])
        .exclude(pk__in=_WAIT_FOR_CHILDREN)
        .order_by()
        .values("node_name")
        .annotate(busy=Count("pk"))
        .values_list("busy")
    )
)
_give = Update(
    lambda: ServerTask.objects.filter(pk=Param("id"), state=TaskState.QUEUED),
    slot_key=Param("slot"),
    node_name=Param("node"),
)


def admit(*, now: datetime) -> None:
    """Admits what may start now, and ends what has waited for too long. Not inside of a transaction."""
    with _one_at_a_time:
        expire(now=now)
        for _ in range(ROUNDS):
            if not _pass(now=now):
                return


def expire(*, now: datetime) -> None:
    """Runs that nobody wants any more because they did not start in time."""
    for pk, state, since, start_at, until in _late(now=now):
        if state == TaskState.QUEUED and until is not None and until <= now:
            waited = duration_words(until - (start_at or since))
            message = f"Not started: no room for it within {waited}, which is how long it may be queued."
            advance(pk, runs.Expired(message), now=now)


def _pass(*, now: datetime) -> bool:
    """Whether another node was faster somewhere, so that it is worth looking again."""
    if not _queued():
        return False
    with _one_moment():
        chosen = _chosen(now=now)
    return not all([_take(run, now=now) for run in chosen])


@contextmanager
def _one_moment() -> Iterator[None]:
    """What is read here is all of one moment. Otherwise a key that becomes free between two pages would let
    a run start before an earlier one that the first page left out."""
    is_own = not connection.in_atomic_block
    with transaction.atomic(savepoint=False):
        if is_own and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _chosen(*, now: datetime) -> list[QueuedRun]:
    """Who may start, in the order of the queue, as many as there is room for."""
    capacity, paused = _capacity(), pauses.rules()
    waits.looked(now, paused)
    if not capacity.free:
        waits.met_no_room()
    if not capacity.free or any(one.is_of_everything for one in paused):
        return []
    walk = queue.Walk(QueueState(now, capacity))
    chosen = []
    for page in _pages(walk, paused, capacity, now=now):
        new = {run.key for run in page if not walk.knows(run.key)}
        walk.learn(active=lines.active(new), locks=lines.lock_holders(lines.lock_keys(page)))
        for run, verdict in zip(page, walk.over(page), strict=True):
            if isinstance(verdict, Admission):
                chosen.append(run)
            if not walk.has_room:
                waits.met_no_room()
                return chosen
    return chosen


def _capacity() -> Capacity:
    """Of this node. A run that waits for a person takes no room."""
    name = node.current().name
    total, is_draining = _node.first(name=name) or (settings.TASK_CAP, False)
    if is_draining:
        return Capacity()
    busy = _busy.first(name=name)
    return Capacity(busy[0] if busy else 0, total)


def _pages(
    walk: queue.Walk, paused: Collection[PauseRule], capacity: Capacity, *, now: datetime
) -> Iterator[list[QueuedRun]]:
    """Each page begins after the last one by value, which an index finds wherever it is, and leaves out
    what would wait in line anyway."""
    # Most looks end on the first page, which is as long as there is room.
    size = lines.FEW if capacity.free * 2 <= lines.FEW else lines.PAGE
    page = lines.first_page(size, paused, now=now)
    yield page
    found = lines.startable(now, paused)
    while len(page) == size:
        last, size = page[-1], lines.PAGE
        rest = found.exclude(concurrency_key__in=walk.crowded_keys(LEFT_OUT))
        if walk.blocked_locks:
            rest = rest.exclude(lock_key__in=walk.blocked_locks)
        page = lines.read(rest.filter(queue_rank=last.rank, pk__gt=last.id)[:size])
        if len(page) < size:
            page += lines.read(rest.filter(queue_rank__lt=last.rank)[: size - len(page)])
        yield _without_overtakers(page, found, walk.blocked_locks)


def _without_overtakers(
    page: list[QueuedRun], found: QuerySet[ServerTask], blocked: frozenset[str]
) -> list[QueuedRun]:
    """Runs of a key keep their order also where one that waits for a lock was left out."""
    keys = {run.key for run in page}
    if not blocked:
        return page
    ahead = found.filter(concurrency_key__in=keys, lock_key__in=blocked, concurrency_limit__gt=0)
    first: dict[str, tuple[int, int]] = {}
    for key, rank, pk in ahead.values_list("concurrency_key", "queue_rank", "pk"):
        first.setdefault(key, (-rank, pk))
    return [run for run in page if run.key not in first or (-run.rank, run.id) <= first[run.key]]


def _take(run: QueuedRun, *, now: datetime) -> bool:
    """False where somebody else was faster with the run, its key or its locks."""
    try:
        with transaction.atomic():
            return _admit(run, now=now)
    except IntegrityError:
        # The slot or an exclusive lock went to another run after all.
        return False


def _admit(run: QueuedRun, *, now: datetime) -> bool:
    _hold_key(run.key)
    locks.hold(run)
    state = QueueState(
        now,
        Capacity(total=1),
        active=lines.active([run.key]),
        locks=lines.lock_holders(lines.lock_keys([run])),
    )
    [verdict] = queue.admit([run], state)
    if not isinstance(verdict, Admission):
        return False
    slot = f"{run.key}#{verdict.slot}"
    if not _give(id=run.id, slot=slot, node=node.current().name):
        return False
    waits.note_wait(run, slot, now=now)
    locks.take(run)
    advance(run.id, runs.Admitted(), now=now)
    return True


def _hold_key(key: str) -> None:
    """Until the end of the transaction nobody else admits a run of this key. On SQLite, where there is one
    writer at a time, that is so anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ADVISORY, crc32(key.encode()) - 2**31])


_ADVISORY = 0x51554555
