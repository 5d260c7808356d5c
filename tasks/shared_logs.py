"""One reader for each log that is watched in this process, however many people watch it.

A busy log costs its writers what one viewer costs: one channel hears of it, each state of it is read once,
and what is new since the last one is made and serialised once, for everybody who has that one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from channels.layers import get_channel_layer

from common.live import RETRY_SECONDS, group_name
from tasks.selectors.log_frames import Frame, Position, Snapshot

#: Seconds between two readings of a log that one person watches.
SPACING = 0.05
#: Seconds that each further viewer adds: sending costs about 0.2 ms per socket and message.
PER_VIEWER = 0.002
#: Nudges are best effort; a log that is still written to is looked at this often without one.
LOOK_AGAIN = 5.0
#: Frames kept for others who are as far.
_KEPT = 8

logger = logging.getLogger("octoworkers.live")

ReadSnapshot = Callable[[int], Awaitable[Snapshot | None]]
ReadFrame = Callable[[Snapshot, Position], Awaitable[Frame | None]]


@dataclass(frozen=True)
class SharedFrame:
    """`text` is the frame as JSON; `seen` numbers the state that it leads to."""

    frame: Frame
    text: str
    seen: int


class SharedLog:
    """The log of one task for all its viewers in this process. Each of them has an event that is set when
    there is a new state of it."""

    def __init__(self, task_id: int, *, read_snapshot: ReadSnapshot, read_frame: ReadFrame) -> None:
        self.viewers: set[asyncio.Event] = set()
        self._task_id = task_id
        self._read_snapshot = read_snapshot
        self._read_frame = read_frame
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._snapshot: Snapshot | None = None
        self._number = 0
        self._read_at = -LOOK_AGAIN
        self._frames: OrderedDict[tuple[int, int], SharedFrame | None] = OrderedDict()

    @property
    def spacing(self) -> float:
        """Seconds between two states, and so between two frames of one viewer."""
        return SPACING + PER_VIEWER * max(len(self.viewers) - 1, 0)

    def nudge(self) -> None:
        """There is something new, or there may be."""
        self._changed.set()

    async def frame(self, position: Position) -> SharedFrame | None:
        """What is new since a position, None if that is nothing."""
        async with self._lock:
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
        number = self._number
        frame = await self._read_frame(snapshot, position)
        if frame is None:
            return None
        text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
        return SharedFrame(frame, text, number)

    async def follow(self) -> None:
        """Reads each new state, until it is cancelled."""
        while True:
            await self._wait()
            age = monotonic() - self._read_at
            await asyncio.sleep(max(self.spacing - age, 0))
            # What changes while it is being read has to be read again.
            self._changed.clear()
            self._read_at = monotonic()
            try:
                snapshot = await self._read_snapshot(self._task_id)
            except Exception:
                logger.exception("The log of task %s could not be read and is read again.", self._task_id)
                await asyncio.sleep(RETRY_SECONDS)
                self.nudge()
                continue
            async with self._lock:
                self._snapshot = snapshot
                self._number += 1
            for viewer in self.viewers:
                viewer.set()

    async def _wait(self) -> None:
        is_over = self._snapshot is not None and self._snapshot.task.is_completed
        try:
            await asyncio.wait_for(self._changed.wait(), None if is_over else LOOK_AGAIN)
        except TimeoutError:
            return

    async def listen(self, group: str) -> None:
        """Hears of changes, until it is cancelled."""
        while True:
            try:
                await self._hear(group)
            except Exception as error:
                logger.warning("Task %s is not heard of and is listened to again: %s", self._task_id, error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, group: str) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        try:
            while True:
                # What changed before anybody listened has to be looked at, too.
                self.nudge()
                await layer.receive(channel)
        finally:
            await layer.group_discard(group, channel)


_logs: dict[tuple[int, int], tuple[SharedLog, list[asyncio.Task[None]]]] = {}


@contextmanager
def watched(
    space_id: int,
    task_id: int,
    viewer: asyncio.Event,
    *,
    read_snapshot: ReadSnapshot,
    read_frame: ReadFrame,
) -> Iterator[SharedLog]:
    """The log of a task, the same for everybody in this event loop who is in this block. `viewer` is set for
    each new state, and at once."""
    key = (id(asyncio.get_running_loop()), task_id)
    if key not in _logs:
        shared = SharedLog(task_id, read_snapshot=read_snapshot, read_frame=read_frame)
        work = (shared.follow(), shared.listen(group_name(space_id, f"log-{task_id}")))
        _logs[key] = shared, [asyncio.create_task(one) for one in work]
    shared, working = _logs[key]
    shared.viewers.add(viewer)
    viewer.set()
    shared.nudge()
    try:
        yield shared
    finally:
        shared.viewers.discard(viewer)
        if not shared.viewers:
            _logs.pop(key, None)
            for task in working:
                task.cancel()
