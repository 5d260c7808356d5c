"""The channel layer of several nodes, against a Redis that goes and comes back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from common import layers, live
from common.layers import GAP, RedisLayer
from tests.harness.cluster import Redis

pytestmark = pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server to start and stop")

TASKS = {"type": live.MESSAGE_TYPE, "topics": ["tasks"]}


@pytest.fixture
def redis(tmp_path):
    redis = Redis(tmp_path)
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(layers, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.05)


async def layer_on(redis: Redis) -> AsyncIterator[RedisLayer]:
    layer = RedisLayer(hosts=[{"address": redis.url}], prefix="test")
    yield layer
    await layer.flush()


@pytest.fixture
async def here(redis):
    async for layer in layer_on(redis):
        yield layer


@pytest.fixture
async def there(redis):
    """Another node's."""
    async for layer in layer_on(redis):
        yield layer


async def heard(layer: RedisLayer, channel: str) -> dict:
    return await asyncio.wait_for(layer.receive(channel), 10)


async def test_a_message_reaches_a_socket_of_another_node(here, there):
    channel = await here.new_channel()

    await there.send(channel, TASKS)

    assert await heard(here, channel) == TASKS


async def test_a_message_to_an_own_socket_needs_no_redis(here, redis):
    channel = await here.new_channel()
    redis.stop()

    await here.send(channel, TASKS)

    assert await heard(here, channel) == TASKS
    redis.start()


async def test_every_socket_hears_of_the_gap_and_of_what_comes_after_it(here, there, redis):
    channel = await here.new_channel()
    await here.group_add("topic.1.tasks", channel)
    redis.stop()
    redis.start()

    assert await heard(here, channel) == GAP
    await there.group_send("topic.1.tasks", TASKS)
    assert await heard(here, channel) == TASKS


async def test_many_groups_are_told_in_one_go(here, there, redis):
    channels = {}
    for group in ("topic.1.tasks", "topic.1.pools"):
        channels[group] = await here.new_channel()
        await here.group_add(group, channels[group])
    messages = {group: {"type": live.MESSAGE_TYPE, "topics": [group]} for group in channels}

    await there.send_to_groups(messages)

    assert {group: await heard(here, channel) for group, channel in channels.items()} == messages


class Flaky:
    """This node alone is cut off for the first tries."""

    def __init__(self, layer: RedisLayer, failures: int) -> None:
        self.layer, self.failures = layer, failures

    async def group_send(self, group: str, message: dict) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("cut off")
        await self.layer.group_send(group, message)


async def test_nudges_wait_until_they_can_be_told(here, there, monkeypatch):
    channel = await here.new_channel()
    await here.group_add(live.group_name(1, "tasks"), channel)
    flaky = Flaky(there, failures=2)
    monkeypatch.setattr(live, "get_channel_layer", lambda: flaky)
    live.attach(asyncio.get_running_loop())

    await asyncio.to_thread(live._hub.post, 1, ("tasks",))

    assert await heard(here, channel) == TASKS
    assert flaky.failures == 0
    live.detach()
