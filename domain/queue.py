"""Who may start now, and why the others wait: the one rule of the queue, for the engine and for pages.

Runs are looked at in the order of the queue. One that is scheduled for later or stopped by a pause is passed
over. One that has to wait for its turn, for a lock or for room stays in line: later runs of its key wait
behind it, and later runs that want its locks incompatibly do too, so that nobody is overtaken for ever.
Locks are taken all at once or not at all, so that no two runs wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.labels import counted

#: Runs that a sentence names; of more it says how many.
NAMED = 3


class WaitKind(StrEnum):
    """What a run waits for. READY is for pages: it only waits for the engine to look."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    TURN = "turn"
    LOCK = "lock"
    FULL = "full"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class LockWish:
    """A named lock of its space that a run needs while it is active."""

    name: str
    is_exclusive: bool = True


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """`limit` is how many of its key may run at once, 0 for any number. `pools` are those of its steps that
    are not done; they matter only while a pool is paused. Runs with the same `lock_key` want the same locks
    of the same space."""

    id: int
    key: str
    limit: int = 1
    locks: tuple[LockWish, ...] = ()
    environment: int = 0
    pools: frozenset[int] = frozenset()
    space: int = 0
    rank: int = 0
    start_at: datetime | None = None
    lock_key: str = ""
    queued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that holds a slot of its key. `slot` is a number from 1, or the run's own id where its number
    is not limited."""

    id: int
    slot: int
    limit: int = 1


@dataclass(frozen=True, slots=True)
class LockHolder:
    run: int
    is_exclusive: bool


@dataclass(frozen=True, slots=True)
class PauseRule:
    """`label` names what is paused: "Everything", "Environment Production". With neither environment nor
    pool nor space it is everything."""

    label: str
    reason: str
    by: str = ""
    is_drain: bool = False
    environment: int | None = None
    pool: int | None = None
    space: int | None = None

    @property
    def is_of_everything(self) -> bool:
        return self.environment is None and self.pool is None and self.space is None

    @property
    def sentence(self) -> str:
        return self._said("is being drained" if self.is_drain else "is paused")

    @property
    def sentence_of_the_past(self) -> str:
        return self._said("was being drained" if self.is_drain else "was paused")

    def _said(self, done: str) -> str:
        by = f" by {self.by}" if self.by else ""
        return f"{self.label} {done}{by}: {self.reason.rstrip('.')}."

    def stops(self, run: QueuedRun) -> bool:
        """Whether the run may not start because of it."""
        if self.is_of_everything:
            return True
        if self.space is not None:
            return self.space == run.space
        return self.environment == run.environment or self.pool in run.pools


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many runs are active of those that may be, on one node or on all together. More may be active
    than may be: a cap can be lowered."""

    busy: int = 0
    total: int = 0

    @property
    def free(self) -> int:
        return max(self.total - self.busy, 0)


LockKey = tuple[int, str]
"""A space and a lock's name."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """What is so outside of the queue. `active` is by key."""

    now: datetime
    capacity: Capacity
    active: Mapping[str, Sequence[ActiveRun]] = field(default_factory=dict)
    locks: Mapping[LockKey, Sequence[LockHolder]] = field(default_factory=dict)
    pauses: Sequence[PauseRule] = ()


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run inside of a sentence, so that pages can link it: "12", or with a noun "task 12"."""

    id: int
    noun: str = ""

    def __str__(self) -> str:
        return f"{self.noun} {self.id}".lstrip()


Words = tuple[str | RunRef, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The run may start, in this slot of its key."""

    run: int
    slot: int
    position: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a run does not start. `position` is its place in the whole queue and `line` its place among those
    that wait for the same thing, both from 1; `line` is 0 where there is none."""

    run: int
    kind: WaitKind
    words: Words
    position: int
    line: int = 0
    holders: tuple[int, ...] = ()
    lock: str = ""
    pause: PauseRule | None = None
    until: datetime | None = None

    @property
    def sentence(self) -> str:
        return "".join(str(part) for part in self.words)


Verdict = Admission | Wait


def admit(queue: Iterable[QueuedRun], state: QueueState) -> list[Verdict]:
    """What becomes of each queued run now, in the order of the queue."""
    return list(Walk(state).over(in_order(queue)))


def in_order(queue: Iterable[QueuedRun]) -> list[QueuedRun]:
    """Moved to the top, then prioritised, then first in first out."""
    return sorted(queue, key=lambda run: (-run.rank, run.id))


class Walk:
    """`admit`, for a queue that is read page by page: each page goes on where the last one ended."""

    def __init__(self, state: QueueState) -> None:
        self._now, self._capacity, self._pauses = state.now, state.capacity, state.pauses
        self._taken = 0
        self._position = 0
        self._full_line = 0
        self._active: dict[str, list[ActiveRun]] = {}
        self._locks: dict[LockKey, list[LockHolder]] = {}
        self._key_lines: defaultdict[str, list[int]] = defaultdict(list)
        self._claims: defaultdict[LockKey, list[LockHolder]] = defaultdict(list)
        self._blocked_locks: set[str] = set()
        self.learn(active=state.active, locks=state.locks)

    def learn(
        self,
        *,
        active: Mapping[str, Sequence[ActiveRun]],
        locks: Mapping[LockKey, Sequence[LockHolder]],
    ) -> None:
        """What is so of keys and locks that come up on the next page. What is known already stays: it
        includes what was admitted on the way."""
        for key, runs in active.items():
            self._active.setdefault(key, list(runs))
        for lock, holders in locks.items():
            self._locks.setdefault(lock, list(holders))

    @property
    def has_room(self) -> bool:
        return self._free > 0

    def crowded_keys(self, most: int) -> list[str]:
        """Keys of which every later run waits, the longest lines first: no need to read on there."""
        return sorted((key for key, line in self._key_lines.items() if line), key=self._length)[:most]

    @property
    def blocked_locks(self) -> frozenset[str]:
        """Lock keys that somebody in line waits with, so that every later run that has the same waits too."""
        return frozenset(self._blocked_locks)

    def _length(self, key: str) -> int:
        return -len(self._key_lines[key])

    def knows(self, key: str) -> bool:
        return key in self._active

    def over(self, runs: Iterable[QueuedRun]) -> Iterator[Verdict]:
        """The verdict on each of these runs, which come next in the queue."""
        for run in runs:
            self._position += 1
            yield self._verdict(run)

    @property
    def _free(self) -> int:
        return self._capacity.free - self._taken

    def _verdict(self, run: QueuedRun) -> Verdict:
        passed_over = self._scheduled(run) or self._paused(run)
        if passed_over:
            return passed_over
        wait = self._behind(run) or self._locked(run) or self._full(run)
        if wait is None:
            return self._admit(run)
        self._stay_in_line(run, wait)
        return wait

    def _wait(self, run: QueuedRun, kind: WaitKind, *words: str | RunRef, line: int = 0) -> Wait:
        return Wait(run.id, kind, words, self._position, line)

    def _scheduled(self, run: QueuedRun) -> Wait | None:
        if run.start_at is None or run.start_at <= self._now:
            return None
        words = (f"Scheduled to start on {run.start_at:%Y-%m-%d at %H:%M %Z}".rstrip() + ".",)
        return Wait(run.id, WaitKind.SCHEDULED, words, self._position, until=run.start_at)

    def _paused(self, run: QueuedRun) -> Wait | None:
        for pause in self._pauses:
            if pause.stops(run):
                return Wait(run.id, WaitKind.PAUSED, (pause.sentence,), self._position, pause=pause)
        return None

    def _behind(self, run: QueuedRun) -> Wait | None:
        """The runs of a key keep their order, and the strictest limit among those involved counts."""
        active, line = self._active.get(run.key, []), self._key_lines[run.key]
        limits = [limit for limit in (run.limit, *(one.limit for one in active)) if limit]
        is_full = bool(limits) and len(active) >= min(limits)
        if not is_full and not line:
            return None
        if is_full:
            holders = tuple(one.id for one in active)
            words = ("Behind ", *task_words(holders), f": {at_once(min(limits))}.")
        else:
            holders = (line[0],)
            words = ("Behind ", *task_words(holders), ", which is before it in line.")
        return Wait(run.id, WaitKind.TURN, words, self._position, len(line) + 1, holders)

    def _locked(self, run: QueuedRun) -> Wait | None:
        for wish in sorted(run.locks, key=lambda wish: wish.name):
            lock = (run.space, wish.name)
            held = _against(wish, self._locks.get(lock, ()))
            claimed = _against(wish, self._claims[lock])
            if held or claimed:
                line = len(self._claims[lock]) + 1
                return self._lock_wait(run, wish.name, held, claimed, line)
        return None

    def _lock_wait(
        self, run: QueuedRun, name: str, held: tuple[int, ...], claimed: tuple[int, ...], line: int
    ) -> Wait:
        words: Words = (f"Waits for the lock {name}, held by ", *task_words(held), ".")
        if not held:
            words = (f"Waits for the lock {name}: ", *task_words(claimed[:1]), " is before it in line.")
        holders = held or claimed[:1]
        return Wait(run.id, WaitKind.LOCK, words, self._position, line, holders, lock=name)

    def _full(self, run: QueuedRun) -> Wait | None:
        if self._free > 0:
            return None
        self._full_line += 1
        busy, total = self._capacity.busy + self._taken, self._capacity.total
        words = f"The server is full: {busy:,} of {counted(total, 'task')} run."
        if not total:
            words = "No node takes tasks: each one drains, is away, or runs no engine."
        return self._wait(run, WaitKind.FULL, words, line=self._full_line)

    def _admit(self, run: QueuedRun) -> Admission:
        active = self._active.setdefault(run.key, [])
        used = {one.slot for one in active}
        free = next(n for n in range(1, len(used) + 2) if n not in used)
        # Where the number is not limited, the run's own id: nobody else would choose it.
        slot = free if run.limit or run.id in used else run.id
        active.append(ActiveRun(run.id, slot, run.limit))
        for wish in run.locks:
            holders = self._locks.setdefault((run.space, wish.name), [])
            holders.append(LockHolder(run.id, wish.is_exclusive))
        self._taken += 1
        return Admission(run.id, slot, self._position)

    def _stay_in_line(self, run: QueuedRun, wait: Wait) -> None:
        # One whose number is not limited keeps nobody of its key waiting.
        if run.limit:
            self._key_lines[run.key].append(run.id)
        # One that waits for its turn could not use the locks yet.
        if wait.kind is not WaitKind.TURN:
            self._blocked_locks |= {run.lock_key} - {""}
            for wish in run.locks:
                self._claims[run.space, wish.name].append(LockHolder(run.id, wish.is_exclusive))


def _against(wish: LockWish, others: Iterable[LockHolder]) -> tuple[int, ...]:
    """The runs that cannot have the lock at the same time."""
    return tuple(other.run for other in others if wish.is_exclusive or other.is_exclusive)


def at_once(limit: int) -> str:
    """Why runs of a key wait for each other, as half a sentence."""
    return "they run one after the other" if limit == 1 else f"at most {limit:,} of these run at once"


def task_words(ids: Sequence[int]) -> Words:
    """ "task 12", "tasks 12, 13 and 2 more"."""
    if len(ids) == 1:
        return (RunRef(ids[0], "task"),)
    shown = ids if len(ids) <= NAMED else ids[: NAMED - 1]
    words: list[str | RunRef] = ["tasks "]
    for place, id in enumerate(shown):
        words += [_comma(place, len(shown), is_last=len(shown) == len(ids)), RunRef(id)]
    if len(ids) > len(shown):
        words.append(f" and {len(ids) - len(shown):,} more")
    return tuple(words)


def _comma(place: int, count: int, *, is_last: bool) -> str:
    if place == 0:
        return ""
    return " and " if is_last and place == count - 1 else ", "
