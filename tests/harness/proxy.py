"""A bad line between an agent and its server, which reads along and does harm when told to.

It knows messages, not only bytes: a rule says what happens to the n-th message of a type. Everything
runs in a thread of its own, so that a test may call it from anywhere.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from tests.harness.frames import BINARY, TEXT, Piece, frame, pieces, read_head

#: The name of binary messages, which carry log chunks.
LOG = "log"

#: Seconds that a delayed message waits, and that a message waits for the one that shall overtake it.
DELAY_SECONDS = 0.4
_PATIENCE = 60.0

T = TypeVar("T")


class Fault(StrEnum):
    """What happens to a message.

    CUT_BEFORE: the line breaks and the message does not arrive. CUT_AFTER: it arrives, the line breaks,
    and whatever the receiver has to say about it is lost. BLACK_HOLE: from this message on nothing
    arrives at either end, and nobody is told.
    """

    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    REORDER = "reorder"
    BLACK_HOLE = "black hole"
    HOLD = "hold"


@dataclass
class Rule:
    """Applies once, to the `nth` message of its type from now on. A HOLD lasts until `release`."""

    type: str
    fault: Fault
    nth: int = 1
    _loop: asyncio.AbstractEventLoop | None = None
    _seen: int = 0
    _fired: threading.Event = field(default_factory=threading.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, type: str) -> bool:
        """Counts a message; whether it is the one."""
        if self._fired.is_set() or type != self.type:
            return False
        self._seen += 1
        if self._seen < self.nth:
            return False
        self._fired.set()
        return True

    @property
    def fired(self) -> bool:
        return self._fired.is_set()

    def wait(self, seconds: float = _PATIENCE) -> None:
        """Until it has applied. Raises AssertionError when it does not."""
        assert self._fired.wait(seconds), f"No {self.type} number {self.nth} came within {seconds} s."

    def release(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._released.set)

    async def released(self) -> None:
        await self._released.wait()


class Chance:
    """Does harm at random, the same for the same seed and the same messages, at most `most` times."""

    def __init__(self, seed: int, *, share: float, faults: Sequence[Fault], most: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._share = share
        self._faults = list(faults)
        self.left = most

    def fault(self, type: str) -> Fault | None:
        if not self.left or self._random.random() >= self._share:
            return None
        self.left -= 1
        return self._random.choice(self._faults)


@dataclass(eq=False)
class _Link:
    """One connection through the proxy. `is_dead`: what still comes is read and thrown away, and each
    end is left until it goes by itself. `overtaken` waits for a message that goes first."""

    ends: dict[bool, tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    is_dead: bool = False
    overtaken: dict[bool, bytes] = field(default_factory=dict)


class Proxy:
    """`upstreams` are ports on this machine; connections go to them in turn. `rewrite` changes frames
    of a type on their way. True stands for the way up, from agent to server."""

    def __init__(self, *upstreams: int) -> None:
        self.upstreams = list(upstreams)
        self.rewrite: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
        self.chance: Chance | None = None
        self.counts: Counter[str] = Counter()
        self.harm: Counter[Fault] = Counter()
        self._rules: list[Rule] = []
        self._links: set[_Link] = set()
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.port = self._call(self._open())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, type: str, fault: Fault, *, nth: int = 1) -> Rule:
        """A rule for one message. `type` is a frame's type such as execution.start.v1, or LOG."""
        rule = Rule(type, fault, nth, self._loop)

        async def append() -> None:
            self._rules.append(rule)

        self._call(append())
        return rule

    def hold(self, type: str, *, nth: int = 1) -> Rule:
        """Stops at a message: it, and what follows it in its direction, waits for `release`."""
        return self.add(type, Fault.HOLD, nth=nth)

    def clear(self) -> None:
        """Forgets all rules; what is held goes on."""

        async def forget() -> None:
            for rule in self._rules:
                rule._released.set()
            self._rules.clear()
            self.chance = None

        self._call(forget())

    def cut(self) -> None:
        """Breaks every connection at once."""

        async def break_all() -> None:
            for link in list(self._links):
                self._break(link)

        self._call(break_all())

    def close(self) -> None:
        async def end_all() -> None:
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.cut()
        self._call(end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE)

    async def _open(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    # --- One connection -------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._next_upstream())
        except OSError:
            _reset(writer)
            return
        link = _Link({True: (reader, upstream[1]), False: (upstream[0], writer)})
        self._links.add(link)
        try:
            await self._relay(link)
        except asyncio.CancelledError:
            return  # the proxy closes; asyncio would complain of it
        finally:
            self._links.discard(link)
            for _, end in link.ends.values():
                end.close()

    def _next_upstream(self) -> int:
        self._turn += 1
        return self.upstreams[self._turn % len(self.upstreams)]

    async def _relay(self, link: _Link) -> None:
        """The request for a WebSocket, then both ways until either ends. Anything else than a request
        for a WebSocket is passed on as it is."""
        (up_reader, up_writer), (down_reader, down_writer) = link.ends[True], link.ends[False]
        try:
            head = await read_head(up_reader)
            up_writer.write(head)
            if b"upgrade: websocket" in head.lower():
                down_writer.write(await read_head(down_reader))
                ways = [self._messages(link, up=True), self._messages(link, up=False)]
            else:
                ways = [_copy(up_reader, up_writer), _copy(down_reader, down_writer)]
        except (asyncio.IncompleteReadError, OSError):
            return
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if link.is_dead:
                await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _messages(self, link: _Link, *, up: bool) -> None:
        reader, writer = link.ends[up]
        async for piece in pieces(reader):
            if link.is_dead:
                continue
            with suppress(OSError):
                if piece.is_message:
                    await self._pass(link, piece, up=up)
                else:
                    writer.write(piece.raw)
                await writer.drain()

    async def _pass(self, link: _Link, piece: Piece, *, up: bool) -> None:
        type, raw = self._read(piece, up=up)
        self.counts[type] += 1
        rule = next((rule for rule in self._rules if rule.takes(type)), None)
        fault = rule.fault if rule else self.chance.fault(type) if self.chance else None
        if fault is None:
            self._send(link, raw, up=up)
            return
        self.harm[fault] += 1
        if rule and fault is Fault.HOLD:
            await rule.released()
            self._send(link, raw, up=up)
        else:
            await self._harm(link, raw, fault, up=up)

    def _read(self, piece: Piece, *, up: bool) -> tuple[str, bytes]:
        """The type of a message, and its bytes, rewritten if somebody wants that."""
        if piece.opcode == BINARY:
            return LOG, piece.raw
        data = json.loads(piece.payload)
        change = self.rewrite.get(data["type"])
        if change is None:
            return data["type"], piece.raw
        return data["type"], frame(TEXT, json.dumps(change(data)).encode(), masked=up)

    def _send(self, link: _Link, raw: bytes, *, up: bool) -> None:
        if not link.is_dead:
            link.ends[up][1].write(raw + link.overtaken.pop(up, b""))

    async def _harm(self, link: _Link, raw: bytes, fault: Fault, *, up: bool) -> None:
        match fault:
            case Fault.CUT_BEFORE:
                self._break(link)
            case Fault.CUT_AFTER:
                await self._cut_after(link, raw, up=up)
            case Fault.DUPLICATE:
                self._send(link, raw + raw, up=up)
            case Fault.DELAY:
                await asyncio.sleep(DELAY_SECONDS)
                self._send(link, raw, up=up)
            case Fault.REORDER:
                link.overtaken[up] = link.overtaken.pop(up, b"") + raw
                self._later(self._give_up_waiting(link, up=up))
            case Fault.BLACK_HOLE:
                link.is_dead = True

    async def _cut_after(self, link: _Link, raw: bytes, *, up: bool) -> None:
        """The receiver gets the message and then the end of the stream, which it reads in this order;
        the sender's connection is reset. What the receiver still says is read and thrown away."""
        self._send(link, raw, up=up)
        link.is_dead = True
        with suppress(OSError):
            await link.ends[up][1].drain()
            link.ends[up][1].write_eof()
        _reset(link.ends[not up][1])

    async def _give_up_waiting(self, link: _Link, *, up: bool) -> None:
        """Nothing came that could overtake it: it is only late."""
        await asyncio.sleep(DELAY_SECONDS)
        if up in link.overtaken:
            self._send(link, b"", up=up)

    def _later(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _break(self, link: _Link) -> None:
        link.is_dead = True
        for _, writer in link.ends.values():
            _reset(writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST: no farewell, and what is under way is gone."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
