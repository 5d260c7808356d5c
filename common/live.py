"""Tell open pages that something changed. A nudge names topics and carries no data: whoever hears
it asks again, through the same doors as ever, so that permissions are checked again."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol, runtime_checkable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

MESSAGE_TYPE = "live.topics"
#: Seconds between two tries to reach a channel layer that is away.
RETRY_SECONDS = 1.0

logger = logging.getLogger("octoworkers.live")


def group_name(space_id: int, topic: str) -> str:
    """The channel layer's group of a topic in a space."""
    return f"topic.{space_id}.{topic}"


def nudge(space_id: int, *topics: str) -> None:
    """After the current transaction commits (at once where there is none), best effort, from any thread."""
    transaction.on_commit(lambda: _hub.post(space_id, topics), robust=True)


def attach(loop: asyncio.AbstractEventLoop) -> None:
    """Names the server's event loop: sockets live there, so messages must be sent there."""
    _hub.use(loop)


def detach() -> None:
    _hub.use(None)


def send(channel: str, message: dict[str, Any]) -> None:
    """A message to one channel, best effort, from any thread."""
    _hub.run(_send_or_lose(channel, message))


async def _send_or_lose(channel: str, message: dict[str, Any]) -> None:
    try:
        await _send(channel, message)
    except Exception as error:
        logger.warning("A message to %s is lost: %s", channel, error)


async def _send(channel: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.send(channel, message)


async def _send_groups(pending: set[tuple[int, str]]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    messages = {
        group_name(space_id, topic): {"type": MESSAGE_TYPE, "topics": [topic]} for space_id, topic in pending
    }
    if isinstance(layer, SendsToGroups):
        await layer.send_to_groups(messages)
        return
    for group, message in messages.items():
        await layer.group_send(group, message)


@runtime_checkable
class SendsToGroups(Protocol):
    """A channel layer to which each message is a journey."""

    async def send_to_groups(self, messages: Mapping[str, dict[str, Any]]) -> None: ...


class _Hub:
    """Collects nudges from all threads; those that come before the last ones are out go out once."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._pending: set[tuple[int, str]] = set()
        self._is_flushing = False
        self._is_holding = False
        self._tasks: set[asyncio.Task[None]] = set()

    def use(self, loop: asyncio.AbstractEventLoop | None) -> None:
        with self._lock:
            self.loop, self._is_flushing = loop, False

    def post(self, space_id: int, topics: tuple[str, ...]) -> None:
        with self._lock:
            self._pending.update((space_id, topic) for topic in topics)
            if self._is_flushing:
                return
            self._is_flushing = True
        try:
            self.run(self._flush())
        except BaseException:
            self._is_flushing = False
            raise

    async def _flush(self) -> None:
        while pending := self._take():
            try:
                await _send_groups(pending)
            except Exception as error:
                if self.loop is None:
                    raise
                # Pages of other nodes would never hear of it. A nudge that comes twice does no harm.
                await self._hold_back(pending, error)
            else:
                self._is_holding = False

    async def _hold_back(self, pending: set[tuple[int, str]], error: Exception) -> None:
        if not self._is_holding:
            logger.warning("Nudges are held back until the channel layer answers: %s", error)
        self._is_holding = True
        with self._lock:
            self._pending |= pending
        await asyncio.sleep(RETRY_SECONDS)

    def _take(self) -> set[tuple[int, str]]:
        with self._lock:
            pending, self._pending = self._pending, set()
            self._is_flushing = bool(pending)
        return pending

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
