"""One log for one socket: what is new on each nudge, as often as the shared reader allows, and never more
than the other end takes in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tasks.selectors.log_frames import Position
from tasks.shared_logs import SharedLog

#: Frames on their way that the browser has not confirmed. Once it is behind by these, it gets
#: nothing until it confirms, and then only the newest lines: it fetches the others by range.
WINDOW = 6
#: Nudges are best effort; a log that is still written to is looked at this often without one.
LOOK_AGAIN = 5.0

MayRead = Callable[[], Awaitable[bool]]
Send = Callable[[str], Awaitable[None]]


class LogFeed:
    """`may_read` is asked before each frame; a frame goes out as JSON text."""

    def __init__(self, *, task_id: int, after: dict[str, int], may_read: MayRead, send: Send) -> None:
        self.task_id = task_id
        self._position = Position(after=after)
        self._may_read = may_read
        self._send = send
        self._shared: SharedLog | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Semaphore(WINDOW)
        self._news.set()
        self._sent = 0
        self._confirmed = 0

    def nudge(self) -> None:
        if self._shared is not None:
            self._shared.nudge()
        self._news.set()

    def confirm(self, frame: int) -> None:
        """The browser has taken in everything up to this frame."""
        for _ in range(min(frame, self._sent) - self._confirmed):
            self._confirmed += 1
            self._room.release()

    async def run(self, shared: SharedLog) -> None:
        self._shared = shared
        shared.nudge()
        done = False
        while True:
            await self._wait(None if done else LOOK_AGAIN)
            await self._room.acquire()
            found = await shared.frame(self._position) if await self._may_read() else None
            if found is None:
                self._room.release()
                continue
            self._position.advance(found.frame, seen=found.seen)
            done = found.frame["done"]
            self._sent += 1
            await self._send(f'{{"log":{{"frame":{self._sent},{found.text[1:]}}}')
            await asyncio.sleep(shared.spacing)

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            if self._shared is not None:
                self._shared.nudge()
            return
        self._news.clear()
