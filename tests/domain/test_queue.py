"""Who may start and why the others wait: by tables, and by properties over any queue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.labels import ordinal
from domain.queue import (
    ActiveRun,
    Admission,
    Capacity,
    LockHolder,
    LockWish,
    PauseRule,
    QueuedRun,
    QueueState,
    Wait,
    WaitKind,
    Walk,
    admit,
)

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)
EVERYTHING = PauseRule("Everything", "new switches.", by="ada")


def state(free: int = 10, **given) -> QueueState:
    return QueueState(now=NOW, capacity=given.pop("capacity", Capacity(0, free)), **given)


def run(id: int, key: str = "", **given) -> QueuedRun:
    return QueuedRun(id, key or f"key {id}", **given)


def exclusive(*names: str) -> tuple[LockWish, ...]:
    return tuple(LockWish(name) for name in names)


def shared(*names: str) -> tuple[LockWish, ...]:
    return tuple(LockWish(name, is_exclusive=False) for name in names)


def told(queue: list[QueuedRun], given: QueueState) -> list[str]:
    """The slot of those that start, the sentence of the others, in the order of the queue."""
    verdicts = admit(queue, given)
    return [f"slot {one.slot}" if isinstance(one, Admission) else one.sentence for one in verdicts]


@pytest.mark.parametrize(
    ("queue", "given", "expected"),
    [
        pytest.param(
            [run(1, "a"), run(2, "a"), run(3, "b")],
            state(),
            ["slot 1", "Behind task 1: they run one after the other.", "slot 1"],
            id="one-at-a-time-per-key",
        ),
        pytest.param(
            [run(n, "a", limit=2) for n in (1, 2, 3)],
            state(),
            ["slot 1", "slot 2", "Behind tasks 1 and 2: at most 2 of these run at once."],
            id="two-at-once",
        ),
        pytest.param(
            [run(7, "a", limit=3)],
            state(active={"a": [ActiveRun(1, 1, 3), ActiveRun(3, 3, 3)]}),
            ["slot 2"],
            id="the-lowest-free-slot",
        ),
        pytest.param([run(7, "a", limit=0), run(8, "a", limit=0)], state(), ["slot 7", "slot 8"], id="any"),
        pytest.param(
            [run(1, "a", limit=0)],
            state(active={"a": [ActiveRun(9, 1, 2)]}),
            ["slot 2"],
            id="any-where-another-has-the-slot-of-its-id",
        ),
        pytest.param(
            [run(8, "a", limit=3)],
            state(active={"a": [ActiveRun(7, 1, 1)]}),
            ["Behind task 7: they run one after the other."],
            id="who-runs-alone-stays-alone",
        ),
        pytest.param(
            [run(8, "a", limit=1), run(9, "a", limit=3)],
            state(active={"a": [ActiveRun(7, 1, 3)]}),
            [
                "Behind task 7: they run one after the other.",
                "Behind task 8, which is before it in line.",
            ],
            id="nobody-overtakes-within-a-key",
        ),
        pytest.param(
            [run(8, "a", limit=9)],
            state(active={"a": [ActiveRun(n, n, 5) for n in range(1, 6)]}),
            ["Behind tasks 1, 2 and 3 more: at most 5 of these run at once."],
            id="a-sentence-names-few",
        ),
        pytest.param(
            [run(1, start_at=NOW + timedelta(hours=2)), run(2, start_at=NOW)],
            state(),
            ["Scheduled to start on 2026-05-17 at 14:00 UTC.", "slot 1"],
            id="scheduled",
        ),
        pytest.param(
            [run(1), run(2)],
            state(pauses=[EVERYTHING]),
            ["Everything is paused by ada: new switches."] * 2,
            id="everything-paused",
        ),
        pytest.param(
            [run(1, "a", environment=5), run(2, "a", environment=6)],
            state(pauses=[PauseRule("Environment Test", "load test", by="bo", is_drain=True, environment=5)]),
            ["Environment Test is being drained by bo: load test.", "slot 1"],
            id="an-environment-and-who-is-passed-over-stops-nobody",
        ),
        pytest.param(
            [run(1, pools=frozenset({3, 4})), run(2, pools=frozenset({4}))],
            state(pauses=[PauseRule("Worker pool SQL", "disks", pool=3)]),
            ["Worker pool SQL is paused: disks.", "slot 1"],
            id="a-pool",
        ),
        pytest.param(
            [run(1, locks=exclusive("db")), run(2, locks=exclusive("db")), run(3, locks=exclusive("web"))],
            state(),
            ["slot 1", "Waits for the lock db, held by task 1.", "slot 1"],
            id="exclusive-locks",
        ),
        pytest.param(
            [run(1, locks=shared("db")), run(2, locks=shared("db"))], state(), ["slot 1"] * 2, id="shared"
        ),
        pytest.param(
            [run(1, locks=shared("db")), run(2, locks=exclusive("db")), run(3, locks=shared("db"))],
            state(),
            [
                "slot 1",
                "Waits for the lock db, held by task 1.",
                "Waits for the lock db: task 2 is before it in line.",
            ],
            id="a-stream-of-shared-ones-does-not-starve-an-exclusive-one",
        ),
        pytest.param(
            [run(1, locks=exclusive("a", "b")), run(2, locks=exclusive("b")), run(3)],
            state(locks={(0, "a"): [LockHolder(9, False)]}),
            [
                "Waits for the lock a, held by task 9.",
                "Waits for the lock b: task 1 is before it in line.",
                "slot 1",
            ],
            id="all-locks-or-none",
        ),
        pytest.param(
            [run(1, "a", locks=exclusive("db")), run(2, locks=exclusive("db"))],
            state(active={"a": [ActiveRun(9, 1)]}),
            ["Behind task 9: they run one after the other.", "slot 1"],
            id="who-waits-for-a-turn-keeps-no-lock-from-others",
        ),
        pytest.param(
            [run(1, space=1, locks=exclusive("db")), run(2, space=2, locks=exclusive("db"))],
            state(),
            ["slot 1"] * 2,
            id="locks-belong-to-a-space",
        ),
        pytest.param(
            [run(1), run(2), run(3)],
            state(capacity=Capacity(busy=4, total=5)),
            ["slot 1", "The server is full: 5 of 5 tasks run.", "The server is full: 5 of 5 tasks run."],
            id="full",
        ),
        pytest.param(
            [run(1)],
            state(capacity=Capacity()),
            ["No node takes tasks: each one drains, is away, or runs no engine."],
            id="no-node",
        ),
        pytest.param(
            [run(1), run(2, rank=1), run(3, rank=7)],
            state(free=2),
            ["slot 1", "slot 1", "The server is full: 2 of 2 tasks run."],
            id="moved-to-the-top-then-prioritised",
        ),
    ],
)
def test_verdicts(queue, given, expected):
    assert told(queue, given) == expected


def test_a_wait_says_where_it_stands_and_who_is_in_the_way():
    queue = [run(1, "a"), run(2, "a"), run(3, "b"), run(4, "a")]
    verdicts = admit(queue, state(active={"a": [ActiveRun(9, 1)]}))
    places = [(one.position, one.line, one.holders) for one in verdicts if isinstance(one, Wait)]
    assert places == [(1, 1, (9,)), (2, 2, (9,)), (4, 3, (9,))]


def test_a_wait_for_a_lock_names_it():
    [wait] = admit([run(1, locks=shared("db"))], state(locks={(0, "db"): [LockHolder(9, True)]}))
    assert isinstance(wait, Wait)
    assert (wait.kind, wait.lock, wait.holders, wait.line) == (WaitKind.LOCK, "db", (9,), 1)


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (1023, "1,023rd")],
)
def test_places_in_words(count, words):
    assert ordinal(count) == words


# --- Properties -------------------------------------------------------------------------------------

keys = st.sampled_from(["a", "b", "c"])
wishes = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.booleans(), max_size=2).map(
    lambda modes: tuple(LockWish(name, mode) for name, mode in modes.items())
)
queued_runs = st.builds(
    QueuedRun,
    id=st.integers(1, 1000),
    key=keys,
    limit=st.integers(0, 3),
    locks=wishes,
    environment=st.integers(1, 2),
    pools=st.frozensets(st.integers(1, 2)),
    space=st.just(0),
    rank=st.integers(0, 2),
    start_at=st.none() | st.just(NOW) | st.just(NOW + timedelta(hours=1)),
)
queues = st.lists(queued_runs, max_size=12, unique_by=lambda one: one.id)
pauses = st.builds(
    PauseRule,
    label=st.just("Paused"),
    reason=st.just("why"),
    environment=st.just(1),
    pool=st.none(),
) | st.builds(PauseRule, label=st.just("Paused"), reason=st.just("why"), pool=st.just(2))
states = st.builds(
    QueueState,
    now=st.just(NOW),
    capacity=st.builds(Capacity, busy=st.integers(0, 4), total=st.integers(0, 12)),
    active=st.dictionaries(keys, st.just([ActiveRun(2001, 1, 2)]), max_size=2),
    locks=st.dictionaries(
        st.tuples(st.just(0), st.sampled_from(["x", "y"])),
        st.lists(st.builds(LockHolder, st.integers(3001, 3009), st.just(False)), max_size=2),
        max_size=1,
    ),
    pauses=st.lists(pauses, max_size=1),
)


def admitted(queue: list[QueuedRun], given: QueueState) -> list[QueuedRun]:
    by_id = {one.id: one for one in queue}
    return [by_id[one.run] for one in admit(queue, given) if isinstance(one, Admission)]


@given(queues, states)
def test_never_over_the_cap(queue, given):
    assert len(admitted(queue, given)) <= given.capacity.free


@given(queues, states)
def test_never_more_of_a_key_than_any_of_them_allows(queue, given):
    started = admitted(queue, given)
    for key in {one.key for one in started}:
        limits = [one.limit for one in started if one.key == key]
        limits += [one.limit for one in given.active.get(key, ())]
        assert len(limits) <= min((limit for limit in limits if limit), default=len(limits))


@given(queues, states)
def test_slots_of_a_key_are_given_once(queue, given):
    by_id = {one.id: one for one in queue}
    slots = [(by_id[one.run].key, one.slot) for one in admit(queue, given) if isinstance(one, Admission)]
    slots += [(key, one.slot) for key, runs in given.active.items() for one in runs]
    assert len(slots) == len(set(slots))


@given(queues, states)
def test_an_exclusive_lock_has_one_holder(queue, given):
    holders = {lock: [one.is_exclusive for one in held] for lock, held in given.locks.items()}
    for one in admitted(queue, given):
        for wish in one.locks:
            holders.setdefault((one.space, wish.name), []).append(wish.is_exclusive)
    assert all(len(modes) == 1 or not any(modes) for modes in holders.values())


@given(queues, states)
def test_nothing_that_is_paused_or_scheduled_starts(queue, given):
    for one in admitted(queue, given):
        assert one.start_at is None or one.start_at <= NOW
        assert not any(pause.stops(one) for pause in given.pauses)


@given(queues, states)
def test_nobody_waits_who_could_start(queue, given):
    """Whoever still waits is stopped by something that was so before, or by somebody before it."""
    by_id = {one.id: one for one in queue}
    verdicts = admit(queue, given)
    for place, wait in enumerate(verdicts):
        if not isinstance(wait, Wait):
            continue
        alone = admit([by_id[wait.run]], given)
        ahead = [by_id[one.run] for one in verdicts[:place]]
        if isinstance(alone[0], Admission):
            assert ahead
            if wait.kind is WaitKind.TURN:
                assert any(one.key == by_id[wait.run].key for one in ahead)
            elif wait.kind is WaitKind.LOCK:
                assert any(wait.lock == wish.name for one in ahead for wish in one.locks)
            else:
                assert wait.kind is WaitKind.FULL
                assert len(admitted(queue, given)) == given.capacity.free


@given(queues, states)
def test_whoever_is_named_is_there(queue, given):
    known = {one.id for one in queue}
    known |= {one.id for runs in given.active.values() for one in runs}
    known |= {one.run for held in given.locks.values() for one in held}
    for wait in admit(queue, given):
        if isinstance(wait, Wait):
            assert set(wait.holders) <= known - {wait.run}
            assert all(str(holder) in wait.sentence for holder in wait.holders[:2])


@given(queues, states, st.integers(1, 4))
def test_pages_make_no_difference(queue, given, size):
    ordered = sorted(queue, key=lambda one: (-one.rank, one.id))
    walk = Walk(replace(given, active={}, locks={}))
    verdicts = []
    for start in range(0, len(ordered), size):
        page = ordered[start : start + size]
        new = {one.key for one in page if not walk.knows(one.key)}
        walk.learn(
            active={key: given.active.get(key, ()) for key in new},
            locks={(0, name): given.locks.get((0, name), ()) for name in "xyz"},
        )
        verdicts += walk.over(page)
    assert verdicts == admit(queue, given)


@given(queues, states)
def test_an_exclusive_wish_is_not_overtaken_for_ever(queue, given):
    """Behind one that waits for a lock alone, nobody gets that lock."""
    by_id = {one.id: one for one in queue}
    claimed: set[str] = set()
    for verdict in admit(queue, given):
        one = by_id[verdict.run]
        if isinstance(verdict, Admission):
            assert not claimed & {wish.name for wish in one.locks}
        elif verdict.kind is WaitKind.LOCK:
            claimed |= {wish.name for wish in one.locks if wish.is_exclusive}
