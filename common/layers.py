"""The channel layer of several nodes: channels_redis's, made to outlive its Redis.

A message to a socket of this node does not leave it. After a broken connection every socket of the node
hears `layer.gap`: what was published meanwhile has not reached it, so that it must look again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from channels_redis.utils import _wrap_close, decode_hosts
from redis.exceptions import ConnectionError as RedisConnectionError

GAP = {"type": "layer.gap"}
#: Seconds between two tries to connect again.
RETRY_SECONDS = 1.0
#: Seconds that one look for messages waits for one.
_WAIT = 1.0

logger = logging.getLogger("octoworkers.live")


class RedisLayer(RedisPubSubChannelLayer):
    def _get_layer(self) -> _LoopLayer:
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = _LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        layer: _LoopLayer = self._layers[loop]
        return layer

    async def send_to_groups(self, messages: Mapping[str, dict[str, Any]]) -> None:
        """`group_send` for many groups, in one go."""
        await self._get_layer().send_to_groups(messages)


class _LoopLayer(RedisPubSubLoopLayer):
    def __init__(self, hosts: Any = None, **kwargs: Any) -> None:
        super().__init__(hosts=hosts, **kwargs)
        self._shards = [_Connection(host, self) for host in decode_hosts(hosts)]

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        if channel in self.channels:
            self.channels[channel].put_nowait(self.channel_layer.serialize(message))
        else:
            await super().send(channel, message)

    async def send_to_groups(self, messages: Mapping[str, dict[str, Any]]) -> None:
        by_shard: dict[_Connection, dict[str, bytes]] = {}
        for group, message in messages.items():
            channel = self._get_group_channel_name(group)
            published = by_shard.setdefault(self._get_shard(channel), {})
            published[channel] = self.channel_layer.serialize(message)
        for shard, published in by_shard.items():
            await shard.publish_all(published)

    def announce_gap(self) -> None:
        for queue in self.channels.values():
            queue.put_nowait(self.channel_layer.serialize(GAP))


class _Connection(RedisSingleShardConnection):
    async def publish(self, channel: str, message: bytes) -> None:
        try:
            await super().publish(channel, message)
        except RedisConnectionError:
            # A connection that was idle while Redis restarted says so only now; the next one is new.
            await super().publish(channel, message)

    async def publish_all(self, messages: Mapping[str, bytes]) -> None:
        try:
            await self._publish_all(messages)
        except RedisConnectionError:
            # As above.
            await self._publish_all(messages)

    async def _publish_all(self, messages: Mapping[str, bytes]) -> None:
        async with self._lock:
            self._ensure_redis()
            pipeline = self._redis.pipeline(transaction=False)
            for channel, message in messages.items():
                pipeline.publish(channel, message)
            await pipeline.execute()

    async def _do_receiving(self) -> None:
        """Redis itself subscribes anew to everything when it has connected again."""
        is_lost = False
        while True:
            try:
                if not (self._pubsub and self._pubsub.subscribed):
                    await asyncio.sleep(0.1)
                    continue
                message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=_WAIT)
            except Exception as error:
                if not is_lost:
                    logger.warning("Redis is out of reach and is tried again: %s", error)
                is_lost = True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if is_lost:
                is_lost = False
                logger.warning("Redis is back.")
                self.channel_layer.announce_gap()
            self._receive_message(message)
