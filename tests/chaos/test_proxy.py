"""The bad line itself: each fault does what it says, and nothing else happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.harness.proxy import LOG, Fault, Proxy
from tests.harness.waiting import wait_for


class Echo:
    """Answers `ask` number n with `answer` number n, and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[int | bytes] = []

    async def __call__(self, connection: ServerConnection) -> None:
        async for message in connection:
            if isinstance(message, bytes):
                self.heard.append(message)
                continue
            self.heard.append(json.loads(message)["number"])
            await connection.send(json.dumps({"type": "answer", "number": json.loads(message)["number"]}))


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


@asynccontextmanager
async def line(proxy: Proxy, echo: Echo) -> AsyncIterator[ClientConnection]:
    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        proxy.upstreams = [next(iter(server.sockets)).getsockname()[1]]
        async with connect(f"ws://127.0.0.1:{proxy.port}/", compression=None, close_timeout=1) as connection:
            yield connection


async def ask(connection: ClientConnection, *numbers: int) -> None:
    for number in numbers:
        await connection.send(json.dumps({"type": "ask", "number": number}))


async def answers(connection: ClientConnection, count: int) -> list[int]:
    async with asyncio.timeout(5):
        return [json.loads(await connection.recv())["number"] for _ in range(count)]


async def test_messages_pass_as_they_are(proxy, echo):
    async with line(proxy, echo) as connection:
        long = bytes(range(256)) * 1000
        await connection.send(long)
        await connection.send([b"in ", b"three ", b"fragments"])
        await ask(connection, 1, 2)
        assert await answers(connection, 2) == [1, 2]
    assert echo.heard == [long, b"in three fragments", 1, 2]
    assert proxy.counts == {LOG: 2, "ask": 2, "answer": 2}


async def test_cut_before_keeps_the_message_from_arriving(proxy, echo):
    rule = proxy.add("ask", Fault.CUT_BEFORE, nth=2)
    async with line(proxy, echo) as connection:
        await ask(connection, 1, 2)
        with pytest.raises(ConnectionClosed):
            await answers(connection, 2)
    assert echo.heard == [1]
    assert rule.fired


async def test_cut_after_lets_the_message_arrive_and_swallows_the_answer(proxy, echo):
    proxy.add("ask", Fault.CUT_AFTER)
    async with line(proxy, echo) as connection:
        await ask(connection, 1)
        with pytest.raises(ConnectionClosed):
            await answers(connection, 1)
        await asyncio.to_thread(wait_for, lambda: echo.heard == [1])


async def test_cut_after_an_answer_lets_it_arrive(proxy, echo):
    proxy.add("answer", Fault.CUT_AFTER)
    async with line(proxy, echo) as connection:
        await ask(connection, 1)
        assert await answers(connection, 1) == [1]
        with pytest.raises(ConnectionClosed):
            await answers(connection, 1)


@pytest.mark.parametrize(
    ("fault", "heard"), [(Fault.DUPLICATE, [1, 1, 2]), (Fault.REORDER, [2, 1]), (Fault.DELAY, [1, 2])]
)
async def test_faults_that_keep_the_line(proxy, echo, fault, heard):
    proxy.add("ask", fault)
    async with line(proxy, echo) as connection:
        await ask(connection, 1, 2)
        assert await answers(connection, len(heard)) == heard
    assert echo.heard == heard


async def test_a_message_that_nothing_overtakes_is_only_late(proxy, echo):
    proxy.add("ask", Fault.REORDER)
    async with line(proxy, echo) as connection:
        await ask(connection, 1)
        assert await answers(connection, 1) == [1]


async def test_a_held_message_holds_back_what_follows_until_it_is_released(proxy, echo):
    rule = proxy.hold("ask", nth=2)
    async with line(proxy, echo) as connection:
        await ask(connection, 1, 2, 3)
        assert await answers(connection, 1) == [1]
        await asyncio.to_thread(rule.wait)
        assert echo.heard == [1]
        rule.release()
        assert await answers(connection, 2) == [2, 3]


async def test_a_black_hole_tells_nobody(proxy, echo):
    rule = proxy.add("ask", Fault.BLACK_HOLE)
    async with line(proxy, echo) as connection:
        await ask(connection, 1, 2)
        await asyncio.to_thread(rule.wait)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.2)
        proxy.cut()
    assert echo.heard == []


async def test_a_message_can_be_rewritten_on_its_way(proxy, echo):
    proxy.rewrite["ask"] = lambda data: {**data, "number": data["number"] + 40}
    async with line(proxy, echo) as connection:
        await ask(connection, 2)
        assert await answers(connection, 1) == [42]


async def test_cutting_breaks_what_is_open(proxy, echo):
    async with line(proxy, echo) as connection:
        await ask(connection, 1)
        assert await answers(connection, 1) == [1]
        await asyncio.to_thread(proxy.cut)
        with pytest.raises(ConnectionClosed):
            await answers(connection, 1)
