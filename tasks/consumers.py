"""The browser's socket: says that topics changed, and brings the log of one task."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from importlib import import_module
from time import monotonic
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.models import User
from common.live import group_name
from common.sockets import SocketClosed
from spaces import selectors as spaces
from spaces.models import Space
from tasks import shared_logs
from tasks.log_feed import LogFeed
from tasks.models import ServerTask
from tasks.selectors import log_frames
from tasks.topics import may_hear, signed_in

# A server may close with 1000 and with those from 3000 on; the others are the protocol's own.
SIGNED_OUT, NO_SUCH_SPACE, TOO_LARGE, FAILED = 4401, 4403, 4413, 4500
MAX_MESSAGE = 64 * 1024
MAX_TOPICS = 300
#: Seconds between two messages that say what changed; the first after a pause goes at once.
PING_SPACING = 0.25
#: Seconds for which a session counts as good without looking again.
TRUSTED_FOR = 1.0
#: The same for the right to read the log that is being sent: many who watch one must not keep the database
#: from taking it in.
READS_FOR = 5.0

logger = logging.getLogger("octoworkers.live")
_sessions = import_module(settings.SESSION_ENGINE).SessionStore


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Takes {"subscribe": [topic]}, {"unsubscribe": [topic]}, {"log": {"task", "after": {attempt:
    next line}}}, {"log": null}, {"got": frame} and {"ping": true}; sends {"topics": [topic]}, {"log": frame}
    and {"pong": true}."""

    async def connect(self) -> None:
        self.user: User | None = None
        self.space: Space | None = None
        self.trusted_until = self.may_read_until = 0.0
        self.topics: set[str] = set()
        self.changed: set[str] = set()
        self.pinging: asyncio.Task[None] | None = None
        self.feed: LogFeed | None = None
        self.feeding: asyncio.Task[None] | None = None
        # Accepted first: a browser cannot see why a socket was refused, but sees its close code.
        await self.accept()
        self.space = await database_sync_to_async(_space)(self.scope["url_route"]["kwargs"].get("space"))
        if self.space is None:
            await self.close(code=NO_SUCH_SPACE)
            return
        await self._is_welcome()

    async def disconnect(self, code: int) -> None:
        for work in (self.pinging, self.feeding):
            if work is not None:
                work.cancel()
        for topic in self.topics:
            await self._leave(topic)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data is None or len(text_data) > MAX_MESSAGE:
            await self.close(code=TOO_LARGE)
            return
        message = _parsed(text_data)
        if self.space is None:
            return
        if "ping" in message:
            # Asked of a line that may be dead, not of a session.
            await self.send('{"pong":true}')
        elif "got" in message:
            self._confirm(message["got"])
        elif await self._is_welcome():
            await self._subscribe(_names(message.get("subscribe")))
            await self._unsubscribe(_names(message.get("unsubscribe")))
            if "log" in message:
                await self._open_log(message["log"])

    # Topics.

    async def _subscribe(self, topics: set[str]) -> None:
        added: set[str] = set()
        for topic in sorted(topics - self.topics)[: MAX_TOPICS - len(self.topics)]:
            if await database_sync_to_async(may_hear)(self._user, self._space, topic):
                added.add(topic)
                await self.channel_layer.group_add(group_name(self._space.pk, topic), self.channel_name)
        self.topics |= added
        # What changed between the rendering of the page and this moment would never be told again.
        self._tell(added)

    async def _unsubscribe(self, topics: set[str]) -> None:
        for topic in topics & self.topics:
            self.topics.remove(topic)
            await self._leave(topic)

    async def _leave(self, topic: str) -> None:
        await self.channel_layer.group_discard(group_name(self._space.pk, topic), self.channel_name)

    async def live_topics(self, message: dict[str, Any]) -> None:
        """A nudge out of the channel layer."""
        self._tell(set(message["topics"]) & self.topics)

    async def layer_gap(self, message: dict[str, Any]) -> None:
        """Nudges may have got lost on their way here."""
        self._tell(set(self.topics))

    def _tell(self, topics: set[str]) -> None:
        self.changed |= topics
        if self.changed and (self.pinging is None or self.pinging.done()):
            self.pinging = self._start(self._ping())

    async def _ping(self) -> None:
        while self.changed and await self._is_welcome():
            topics, self.changed = self.changed, set()
            await self.send(json.dumps({"topics": sorted(topics)}))
            await asyncio.sleep(PING_SPACING)

    # The log.

    async def _open_log(self, wanted: Any) -> None:
        self._close_log()
        self.may_read_until = 0.0
        task_id, after = _log_request(wanted)
        if task_id is None:
            return
        self.feed = LogFeed(task_id=task_id, after=after, may_read=self._may_read, send=self.send)
        if await self._may_read():
            self.feeding = self._start(self._run(self.feed))

    async def _run(self, feed: LogFeed) -> None:
        with shared_logs.watched(
            self._space.pk,
            feed.task_id,
            feed.news,
            read_snapshot=database_sync_to_async(_read_snapshot),
            read_frame=database_sync_to_async(log_frames.frame_since),
        ) as shared:
            await feed.run(shared)

    def _close_log(self) -> None:
        self.feed = None
        if self.feeding is not None:
            self.feeding.cancel()

    async def _may_read(self) -> bool:
        """Whether this user may still see the log that the feed brings; closes the socket of one who is not
        signed in any more."""
        if self.feed is None:
            return False
        if monotonic() < self.may_read_until:
            return True
        ask = database_sync_to_async(_reader)
        self.user, may_read = await ask(self._session_key, self._space, f"log-{self.feed.task_id}")
        if self.user is None:
            await self.close(code=SIGNED_OUT)
        elif may_read:
            self.may_read_until = monotonic() + READS_FOR
        return may_read

    def _confirm(self, frame: Any) -> None:
        if self.feed is not None and isinstance(frame, int):
            self.feed.confirm(frame)

    # Who is there.

    async def _is_welcome(self) -> bool:
        """Whether the session still stands; closes the socket once it does not."""
        if self.user is not None and monotonic() < self.trusted_until:
            return True
        self.user = await database_sync_to_async(signed_in)(_sessions, self._session_key)
        self.trusted_until = monotonic() + TRUSTED_FOR
        if self.user is None:
            await self.close(code=SIGNED_OUT)
        return self.user is not None

    @property
    def _session_key(self) -> str:
        key: str = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        return key

    @property
    def _user(self) -> User:
        assert self.user is not None  # noqa: S101  # asked for only after _is_welcome
        return self.user

    @property
    def _space(self) -> Space:
        assert self.space is not None  # noqa: S101  # a socket without a space is closed at once
        return self.space

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SocketClosed:
            return
        except Exception:
            # The browser connects again and goes on from where it was.
            logger.exception("A live socket failed")
            await self.close(code=FAILED)


def _space(slug: str | None) -> Space | None:
    return spaces.by_slug(slug) if slug else spaces.default_space()


def _reader(session_key: str, space: Space, topic: str) -> tuple[User | None, bool]:
    """Who is signed in, and whether they may hear of this: one way to the database for both."""
    user = signed_in(_sessions, session_key)
    return user, user is not None and may_hear(user, space, topic)


def _read_snapshot(task_id: int) -> log_frames.Snapshot | None:
    """For everybody who watches; each of them is asked for by `_may_read`."""
    task = ServerTask.objects.only("state").filter(pk=task_id).first()
    return log_frames.snapshot(task) if task else None


def _parsed(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _names(value: Any) -> set[str]:
    return {name for name in value if isinstance(name, str)} if isinstance(value, list) else set()


def _log_request(wanted: Any) -> tuple[int | None, dict[str, int]]:
    if not isinstance(wanted, dict) or type(wanted.get("task")) is not int:
        return None, {}
    after = wanted.get("after")
    known = after.items() if isinstance(after, dict) else ()
    return wanted["task"], {key: value for key, value in known if type(value) is int and value >= 0}
