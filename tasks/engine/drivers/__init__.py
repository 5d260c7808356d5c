"""What drives the engine of this process: its own loop, or a durable queue that another node serves."""

from __future__ import annotations

from typing import Protocol

from django.db import connection

from tasks.engine.drivers.base import Driver, NoDriver
from tasks.engine.node import CurrentNode


class RunningDriver(Driver, Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def for_node(node: CurrentNode) -> RunningDriver:
    if connection.vendor == "postgresql":
        from tasks.engine.drivers import procrastinate  # noqa: PLC0415 - only there with PostgreSQL

        return procrastinate.EngineDriver() if node.runs_engine else procrastinate.AskingDriver()
    from tasks.engine.drivers.embedded import EmbeddedDriver  # noqa: PLC0415 - loads all of the engine

    return EmbeddedDriver()


def for_command() -> Driver:
    """In a process that is no node: a command, a shell, a test."""
    if connection.vendor == "postgresql":
        from tasks.engine.drivers.procrastinate import AskingDriver  # noqa: PLC0415 - as above

        return AskingDriver()
    return NoDriver()
