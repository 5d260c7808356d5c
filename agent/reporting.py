"""What the server has been told about an attempt on one connection, and what is to be told next."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from dataclasses import asdict
from typing import Protocol

from agent.journal import ExitRecord, ShimRecord
from agent.spool import SpoolReader
from protocol import HEARTBEAT_SECONDS, LOG_WINDOW, log
from protocol.frames import Accepted, Finished, Frame, LogAck, Started


class Disconnected(Exception):
    """The connection is gone; what was not acknowledged is told again on the next one."""


class Link(Protocol):
    """A connection to the server. Sending raises `Disconnected`."""

    async def send(self, frame: Frame) -> None: ...

    async def send_message(self, message: str | bytes) -> None: ...


class Reporter:
    """`next_seq` is the first line that the server does not have."""

    def __init__(self, link: Link, *, attempt_id: str, epoch: int, spool: SpoolReader, next_seq: int) -> None:
        self.link = link
        self._attempt_id = attempt_id
        self._epoch = epoch
        self._address = uuid.UUID(attempt_id).bytes
        self._spool = spool
        self._unacknowledged: deque[int] = deque()
        self._accepted = self._started = False
        self._finished: float | None = None
        spool.seek(next_seq)

    def repeat(self) -> None:
        """Tell the attempt's state once more: the server has asked for what it should know."""
        self._accepted = self._started = False
        self._finished = None

    async def accepted(self) -> None:
        if not self._accepted:
            self._accepted = True
            await self.link.send(Accepted(attempt_id=self._attempt_id, epoch=self._epoch))

    async def started(self, shim: ShimRecord) -> None:
        if self._started or shim.child is None or shim.started is None:
            return
        self._started = True
        await self.link.send(
            Started(attempt_id=self._attempt_id, epoch=self._epoch, pid=shim.child, time=shim.started)
        )

    async def log(self) -> bool:
        """Send what the window takes; whether that was all there is."""
        while len(self._unacknowledged) < LOG_WINDOW:
            chunk = self._spool.read()
            if chunk is None:
                return True
            self._unacknowledged.append(chunk.next_seq)
            await self.link.send_message(log.to_message(self._address, self._epoch, chunk))
            # One attempt's long log lets the others, and the heartbeat, have their turn.
            await asyncio.sleep(0)
        return False

    def acknowledge(self, ack: LogAck) -> None:
        if ack.resend:
            self._unacknowledged.clear()
            self._finished = None
            self._spool.seek(ack.next_seq)
            return
        while self._unacknowledged and self._unacknowledged[0] <= ack.next_seq:
            self._unacknowledged.popleft()

    async def finished(self, record: ExitRecord) -> None:
        """Once, and again whenever the server has not settled it for a while."""
        now = time.monotonic()
        if self._finished is not None and now < self._finished + HEARTBEAT_SECONDS:
            return
        self._finished = now
        await self.link.send(Finished(attempt_id=self._attempt_id, epoch=self._epoch, **asdict(record)))
