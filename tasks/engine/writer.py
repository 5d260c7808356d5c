"""The engine's one writer thread.

SQLite has one writer at a time anyway; queueing for it here instead of in the database's lock keeps
the order, wastes no retries, and lets one connection stay open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, transaction

P = ParamSpec("P")
T = TypeVar("T")

#: PostgreSQL's codes for a transaction that it ended so that another one could go on.
_CLASHES = {"40001", "40P01"}
#: How often a function is called before its failure is the caller's.
_TRIES = 3


class DatabaseThread:
    """Runs functions one after the other, on a database connection that stays open."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result. Raises what it raises. It must be harmless when repeated: it is, where
        the database closed the connection, perhaps in the middle of the commit, or another node's
        transaction was in its way."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _call(function, *args, **kwargs))


_writer = DatabaseThread("engine-writer")
run = _writer.run


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    for tries_left in reversed(range(_TRIES)):
        session = transaction.get_connection().connection
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            if not (tries_left and _may_repeat(error, session)):
                raise
    raise AssertionError  # the last try returns or raises


def _may_repeat(error: Exception, session: object) -> bool:
    """Whether the call may succeed on a new connection, where `session` is the one that it had, or now that
    the other one is through. Closes a connection that the database closed: it would fail for ever."""
    connection = transaction.get_connection()
    if connection.in_atomic_block:
        return False
    connection.close_if_unusable_or_obsolete()
    is_lost = session is not None and connection.connection is not session
    return is_lost or getattr(error.__cause__, "sqlstate", None) in _CLASHES
