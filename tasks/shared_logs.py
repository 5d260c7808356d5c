"""One reader for each log that is watched in this process, however many people watch it.

A busy log costs its writers what one viewer costs: each state of it is read once, and what is new since
the last one is made and serialised once, for everybody who has that one.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from tasks.selectors.log_frames import Frame, Position, Snapshot

#: Seconds between two readings of a log that one person watches.
SPACING = 0.05
#: Seconds that each further viewer adds: sending costs about 0.2 ms per socket and message.
PER_VIEWER = 0.002
#: Nudges are best effort; what was read longer ago is read again without one.
STALE = 5.0
#: Frames kept for others who are as far.
_KEPT = 8

ReadSnapshot = Callable[[int], Awaitable[Snapshot | None]]
ReadFrame = Callable[[Snapshot, Position], Awaitable[Frame | None]]


@dataclass(frozen=True)
class SharedFrame:
    """`text` is the frame as JSON; `seen` numbers the state that it leads to."""

    frame: Frame
    text: str
    seen: int


class SharedLog:
    """The log of one task for all its viewers in this process."""

    def __init__(self, task_id: int, *, read_snapshot: ReadSnapshot, read_frame: ReadFrame) -> None:
        self.viewers = 0
        self._task_id = task_id
        self._read_snapshot = read_snapshot
        self._read_frame = read_frame
        self._lock = asyncio.Lock()
        self._snapshot: Snapshot | None = None
        self._number = 0
        self._read_at = self._changed_at = -STALE
        self._frames: OrderedDict[tuple[int, int], SharedFrame | None] = OrderedDict()

    @property
    def spacing(self) -> float:
        """Seconds between two frames of one viewer."""
        return SPACING + PER_VIEWER * (self.viewers - 1)

    def nudge(self) -> None:
        """There is something new, or there may be."""
        self._changed_at = monotonic()

    async def frame(self, position: Position) -> SharedFrame | None:
        """What is new since a position, None if that is nothing. Waits for its turn to read."""
        async with self._lock:
            await self._refresh()
            if self._snapshot is None:
                return None
            key = (position.seen, self._number)
            if position.seen and key in self._frames:
                return self._frames[key]
            made = await self._make(self._snapshot, position)
            if position.seen:
                self._frames[key] = made
                while len(self._frames) > _KEPT:
                    self._frames.popitem(last=False)
            return made

    async def _make(self, snapshot: Snapshot, position: Position) -> SharedFrame | None:
        frame = await self._read_frame(snapshot, position)
        if frame is None:
            return None
        text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
        return SharedFrame(frame, text, self._number)

    async def _refresh(self) -> None:
        """Reads the state anew where it has changed since, or may have."""
        age = monotonic() - self._read_at
        if self._changed_at < self._read_at and age < STALE:
            return
        if age < self.spacing:
            await asyncio.sleep(self.spacing - age)
        # The moment before: what changes while it is being read has to be read again.
        began = monotonic()
        self._snapshot = await self._read_snapshot(self._task_id)
        self._read_at = began
        self._number += 1


_logs: dict[tuple[int, int], SharedLog] = {}


@contextmanager
def watched(task_id: int, *, read_snapshot: ReadSnapshot, read_frame: ReadFrame) -> Iterator[SharedLog]:
    """The log of a task, the same for everybody in this event loop who is in this block."""
    key = (id(asyncio.get_running_loop()), task_id)
    shared = _logs.get(key)
    if shared is None:
        shared = _logs[key] = SharedLog(task_id, read_snapshot=read_snapshot, read_frame=read_frame)
    shared.viewers += 1
    try:
        yield shared
    finally:
        shared.viewers -= 1
        if not shared.viewers:
            _logs.pop(key, None)
