"""What the server has been told about an attempt on one connection, and what is to be told next."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections import deque
from typing import Protocol

from agent.artifacts import Uploads
from agent.journal import ExitRecord, ShimRecord
from agent.spool import SpoolReader
from protocol import HEARTBEAT_SECONDS, LOG_WINDOW, log
from protocol.artifacts import ARTIFACT_WINDOW, PART_BYTES
from protocol.frames import (
    Accepted,
    ArtifactFile,
    ArtifactPart,
    ArtifactWanted,
    Finished,
    Frame,
    LogAck,
    OutputValue,
    Started,
)


class Disconnected(Exception):
    """The connection is gone; what was not acknowledged is told again on the next one."""


class Link(Protocol):
    """A connection to the server. Sending raises `Disconnected`."""

    async def send(self, frame: Frame) -> None: ...

    async def send_message(self, message: str | bytes) -> None: ...


class Reporter:
    """`next_seq` is the first line that the server does not have."""

    def __init__(
        self,
        link: Link,
        *,
        attempt_id: str,
        epoch: int,
        spool: SpoolReader,
        next_seq: int,
        uploads: Uploads,
    ) -> None:
        self.link = link
        self._uploads = uploads
        self._attempt_id = attempt_id
        self._epoch = epoch
        self._address = uuid.UUID(attempt_id).bytes
        self._spool = spool
        self._unacknowledged: deque[int] = deque()
        self._stored = next_seq
        self._accepted = self._started = False
        self._finished: float | None = None
        spool.seek(next_seq)

    def wanted(self, frame: ArtifactWanted, record: ExitRecord) -> None:
        """The server asks for an artifact, or has all of them by now and wants to hear of the end again."""
        if frame.number >= len(record.artifacts):
            self._finished = None
        self._uploads.wanted(frame.number, frame.offset, resend=frame.resend)

    async def artifacts(self, record: ExitRecord) -> None:
        """Send what the server has asked for, as far as the window takes it."""
        files = [ArtifactFile(**file) for file in record.artifacts]
        try:
            while part := self._uploads.next_part(files, window=ARTIFACT_WINDOW, size=PART_BYTES):
                number, offset, data = part
                await self._send_part(number, offset, data=base64.b64encode(data).decode())
                # The logs of other attempts, and the heartbeat, have their turn.
                await asyncio.sleep(0)
        except OSError as error:
            number, offset = self._uploads.give_up()
            text = f"The worker cannot read its copy of it any more: {error.strerror or error}."
            await self._send_part(number, offset, lost=text)

    async def _send_part(self, number: int, offset: int, *, data: str = "", lost: str = "") -> None:
        part = ArtifactPart(self._attempt_id, self._epoch, number, offset, data, lost)
        await self.link.send(part)

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
            self._stored = ack.next_seq
            self._unacknowledged.clear()
            self._finished = None
            self._spool.seek(ack.next_seq)
            return
        self._stored = max(self._stored, ack.next_seq)
        while self._unacknowledged and self._unacknowledged[0] <= ack.next_seq:
            self._unacknowledged.popleft()

    def go_back(self) -> None:
        """To the first line that the server does not have: what came after it was refused."""
        self._unacknowledged.clear()
        self._finished = None
        self._spool.seek(self._stored)

    async def finished(self, record: ExitRecord) -> None:
        """Once, and again whenever the server has not settled it for a while."""
        now = time.monotonic()
        if self._finished is not None and now < self._finished + HEARTBEAT_SECONDS:
            return
        self._finished = now
        fields = {
            **vars(record),
            "outputs": [OutputValue(**value) for value in record.outputs],
            "artifacts": [ArtifactFile(**file) for file in record.artifacts],
        }
        await self.link.send(Finished(attempt_id=self._attempt_id, epoch=self._epoch, **fields))
