"""Starts and stops the engine of this process."""

from __future__ import annotations

import asyncio

from common import live
from tasks.engine import jobs, writer
from tasks.engine.drivers import base
from tasks.engine.drivers.embedded import EmbeddedDriver


class Engine:
    """`start` in the server's event loop before it accepts connections, `stop` after the last one."""

    def __init__(self) -> None:
        self._driver: EmbeddedDriver | None = None

    async def start(self) -> None:
        live.attach(asyncio.get_running_loop())
        await writer.run(jobs.recover)
        self._driver = EmbeddedDriver()
        base.use(self._driver)
        await self._driver.start()

    async def stop(self) -> None:
        base.use(base.NoDriver())
        if self._driver is not None:
            await self._driver.stop()
        live.detach()
