"""The engine's one writer thread.

SQLite has one writer at a time anyway; queueing for it here instead of in the database's lock keeps
the order, wastes no retries, and lets one connection stay open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

P = ParamSpec("P")
T = TypeVar("T")

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-writer")


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The function's result, called in the writer thread. Raises what it raises."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_thread, lambda: _call(function, *args, **kwargs))


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        # A connection that the database closed under us would fail for ever.
        if not transaction.get_connection().in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        raise
