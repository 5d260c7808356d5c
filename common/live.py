"""Tell open pages that something changed. A nudge names topics and carries no data: whoever hears
it asks again, through the same doors as ever, so that permissions are checked again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

MESSAGE_TYPE = "live.topics"


def group_name(space_id: int, topic: str) -> str:
    """The channel layer's group of a topic in a space."""
    return f"topic.{space_id}.{topic}"


def nudge(space_id: int, *topics: str) -> None:
    """After the current transaction commits (at once where there is none), best effort, from any thread."""
    transaction.on_commit(lambda: _hub.post(space_id, topics), robust=True)


def attach(loop: asyncio.AbstractEventLoop) -> None:
    """Names the server's event loop: sockets live there, so messages must be sent there."""
    _hub.loop = loop


def detach() -> None:
    _hub.loop = None


def send(channel: str, message: dict[str, Any]) -> None:
    """A message to one channel, best effort, from any thread."""
    _hub.run(_send(channel, message))


async def _send(channel: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.send(channel, message)


async def _send_groups(pending: set[tuple[int, str]]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for space_id, topic in pending:
        message = {"type": MESSAGE_TYPE, "topics": [topic]}
        await layer.group_send(group_name(space_id, topic), message)


class _Hub:
    """Collects nudges from all threads; those that come before the loop gets to them go out once."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._pending: set[tuple[int, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, space_id: int, topics: tuple[str, ...]) -> None:
        with self._lock:
            first = not self._pending
            self._pending.update((space_id, topic) for topic in topics)
        if first:
            self.run(self._flush())

    async def _flush(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, set()
        await _send_groups(pending)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        loop = self.loop
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(self._start, coroutine)
        else:
            # A command or a test outside the server: nobody's loop to borrow.
            async_to_sync(_await)(coroutine)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        # The loop keeps only weak references to tasks.
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _await(coroutine: Coroutine[Any, Any, None]) -> None:
    await coroutine


_hub = _Hub()
