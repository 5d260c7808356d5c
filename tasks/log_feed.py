"""One log for one socket: what is new in each state that the shared reader has of it, and never more than
the other end takes in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tasks.selectors.log_frames import Position
from tasks.shared_logs import SharedLog

#: Frames on their way that the browser has not confirmed. Once it is behind by these, it gets
#: nothing until it confirms, and then only the newest lines: it fetches the others by range.
WINDOW = 6

MayRead = Callable[[], Awaitable[bool]]
Send = Callable[[str], Awaitable[None]]


class LogFeed:
    """`may_read` is asked before each frame; a frame goes out as JSON text. `news` is set when there may be
    something new."""

    def __init__(self, *, task_id: int, after: dict[str, int], may_read: MayRead, send: Send) -> None:
        self.task_id = task_id
        self.news = asyncio.Event()
        self._position = Position(after=after)
        self._may_read = may_read
        self._send = send
        self._room = asyncio.Semaphore(WINDOW)
        self._sent = 0
        self._confirmed = 0

    def confirm(self, frame: int) -> None:
        """The browser has taken in everything up to this frame."""
        for _ in range(min(frame, self._sent) - self._confirmed):
            self._confirmed += 1
            self._room.release()

    async def run(self, shared: SharedLog) -> None:
        while True:
            await self.news.wait()
            await self._room.acquire()
            self.news.clear()
            found = await shared.frame(self._position) if await self._may_read() else None
            if found is None:
                self._room.release()
                continue
            self._position.advance(found.frame, seen=found.seen)
            self._sent += 1
            await self._send(f'{{"log":{{"frame":{self._sent},{found.text[1:]}}}')
