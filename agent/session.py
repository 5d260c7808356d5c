"""One connection from the welcome to its end: frames in, heartbeats out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, Callable

from agent.book import Book
from agent.connection import Connection, Refused
from agent.reporting import Disconnected
from protocol.frames import (
    ArtifactWanted,
    Assign,
    BadFrame,
    Cancel,
    Capabilities,
    CapabilitiesRequest,
    Error,
    Forget,
    Frame,
    Heartbeat,
    HeartbeatAck,
    LogAck,
    Settled,
    Start,
    Welcome,
    decode,
)

logger = logging.getLogger("octoworker")

#: Heartbeats without an answer after which the connection is given up.
_MISSED = 2

_ABOUT_ATTEMPTS = (Assign, Start, Cancel, Forget, LogAck, ArtifactWanted, Settled)


class Session:
    """`probe` gives the capabilities, `disk_free` bytes."""

    def __init__(
        self,
        connection: Connection,
        *,
        welcome: Welcome,
        book: Book,
        probe: Callable[[], Awaitable[dict[str, Any]]],
        disk_free: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._welcome = welcome
        self._book = book
        self._probe = probe
        self._disk_free = disk_free
        self._heard = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the connection ends: raises `Disconnected`, or `Refused` if the server says why."""
        self._book.connected(self._connection, self._welcome.attempts)
        heartbeats = asyncio.get_running_loop().create_task(self._beat())
        try:
            while True:
                message = await self._connection.receive()
                self._heard = time.monotonic()
                await self._take(message)
        finally:
            for task in (heartbeats, *self._tasks):
                task.cancel()
            await self._connection.close()

    async def _take(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                raise BadFrame("malformed", "The server sent a binary message.")
            frame = decode(message)
        except BadFrame as error:
            await self._connection.send(Error(code=error.code, message=str(error)))
            return
        await self._dispatch(frame)

    async def _dispatch(self, frame: Frame) -> None:
        if isinstance(frame, _ABOUT_ATTEMPTS):
            await self._book.receive(frame, self._connection)
        elif isinstance(frame, CapabilitiesRequest):
            task = asyncio.get_running_loop().create_task(self._tell_capabilities())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif isinstance(frame, Error):
            await self._on_error(frame)
        elif not isinstance(frame, HeartbeatAck):
            text = f"{frame.TYPE} is not for an agent at this point."
            await self._connection.send(Error(code="out_of_order", message=text))

    async def _on_error(self, error: Error) -> None:
        if error.fatal:
            raise Refused(error.code, error.message)
        logger.warning("The server says: %s (%s)", error.message, error.code)
        if error.attempt_id is not None:
            await self._book.receive(error, self._connection)

    async def _tell_capabilities(self) -> None:
        try:
            found = await self._probe()
            await self._connection.send(Capabilities(capabilities=found, time=time.time()))
        except Disconnected:
            return

    async def _beat(self) -> None:
        interval = self._welcome.heartbeat_seconds
        while time.monotonic() - self._heard < (_MISSED + 1) * interval:
            frame = Heartbeat(time=time.time(), busy=self._book.busy, disk_free=self._disk_free())
            try:
                await self._connection.send(frame)
            except Disconnected:
                return
            await asyncio.sleep(interval)
        logger.warning("The server has been silent for %d s.", time.monotonic() - self._heard)
        await self._connection.close()
