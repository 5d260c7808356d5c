"""Starts and stops the engine's part of a process: a node that runs the engine, or that only serves
pages and agents and asks other nodes' engines."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from common import live
from tasks.engine import drivers, jobs, writer
from tasks.engine import node as identity
from tasks.engine.claim import Claim
from tasks.engine.drivers import base
from tasks.engine.node import CurrentNode
from tasks.services import nodes

logger = logging.getLogger("octoworkers.node")


class Runner:
    """`start` in the server's event loop before it accepts connections, `stop` after the last one.
    `on_replaced` is called when another process has taken this node's name: this one must end."""

    def __init__(self, node: CurrentNode, *, on_replaced: Callable[[], None]) -> None:
        self._node = node
        self._on_replaced = on_replaced
        self._claim = Claim(node)
        # Heartbeats have a thread of their own, so that a long queue for the writer looks like no death.
        self._keeper = writer.DatabaseThread("node-keeper")
        self._beating: asyncio.Task[None] | None = None
        self._started_at: datetime | None = None
        self._driver: drivers.RunningDriver | None = None

    async def start(self) -> None:
        """Raises `nodes.CannotJoin`."""
        identity.become(self._node)
        live.attach(asyncio.get_running_loop())
        await self._keeper.run(self._claim.take)
        self._started_at = await self._keeper.run(
            nodes.start,
            self._node,
            version=settings.SERVER_VERSION,
            keys_thumbprint=_keys_thumbprint(),
            task_cap=settings.TASK_CAP,
            now=timezone.now(),
        )
        await writer.run(jobs.recover)
        self._driver = drivers.for_node(self._node)
        base.use(self._driver)
        await self._driver.start()
        self._beating = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
        base.use(base.NoDriver())
        if self._driver is not None:
            await self._driver.stop()
        if self._started_at is not None:
            now = timezone.now()
            await self._keeper.run(nodes.stopped, self._node.name, started_at=self._started_at, now=now)
        live.detach()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(nodes.HEARTBEAT_SECONDS)
            try:
                alive = await self._keeper.run(self._beat_once)
            except Exception as error:
                logger.warning("Could not write that this node lives: %s", error)
                continue
            if not alive:
                logger.error("Another process runs as node %s, or it was removed.", self._node.name)
                self._on_replaced()
                return

    def _beat_once(self) -> bool:
        assert self._started_at is not None  # noqa: S101  # it has started
        now = timezone.now()
        self._claim.keep()
        if not nodes.heartbeat(self._node.name, started_at=self._started_at, now=now):
            return False
        if self._node.runs_engine:
            nodes.forget_away(now=now)
        return True


def _keys_thumbprint() -> str:
    keys = (settings.SECRET_KEY.encode(), settings.INSTALLATION_MARK.encode(), settings.SERVER_KEY)
    return hashlib.sha256(b"octoworkers node\0" + b"\0".join(keys)).hexdigest()
