"""One log for one socket: reads what is new on each nudge, at most every SPACING, and never more
than the other end takes in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tasks.selectors.log_frames import Frame, Position

#: Seconds between two frames; the first after a pause goes at once.
SPACING = 0.05
#: Frames on their way that the browser has not confirmed. Once it is behind by these, it gets
#: nothing until it confirms, and then only the newest lines: it fetches the others by range.
WINDOW = 6
#: Nudges are best effort; a log that is still written to is looked at this often without one.
LOOK_AGAIN = 5.0

Read = Callable[[Position], Awaitable[Frame | None]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class LogFeed:
    """`read` gives the next frame or None."""

    def __init__(self, *, task_id: int, after: dict[str, int], read: Read, send: Send) -> None:
        self.task_id = task_id
        self._position = Position(after=after)
        self._read = read
        self._send = send
        self._news = asyncio.Event()
        self._room = asyncio.Semaphore(WINDOW)
        self._news.set()
        self._sent = 0
        self._confirmed = 0

    def nudge(self) -> None:
        self._news.set()

    def confirm(self, frame: int) -> None:
        """The browser has taken in everything up to this frame."""
        for _ in range(min(frame, self._sent) - self._confirmed):
            self._confirmed += 1
            self._room.release()

    async def run(self) -> None:
        done = False
        while True:
            await self._wait(None if done else LOOK_AGAIN)
            await self._room.acquire()
            frame = await self._read(self._position)
            if frame is None:
                self._room.release()
                continue
            self._position.advance(frame)
            done = frame["done"]
            self._sent += 1
            await self._send({"log": {**frame, "frame": self._sent}})
            await asyncio.sleep(SPACING)

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return
        self._news.clear()
