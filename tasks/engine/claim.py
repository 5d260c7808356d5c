"""A node's hold on its name in PostgreSQL: locks that belong to its connection, and so are free the
moment it dies, whichever way. Two processes never bear one name, and a restart need not wait."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import connection

from tasks.engine.node import CurrentNode
from tasks.services.nodes import CannotJoin

#: First halves of the keys of advisory locks: "ocn" and one more letter.
_NAME, _CHANNELS = 0x6F636E6E, 0x6F636E63
#: How long the process before this one may take to end.
PATIENCE_SECONDS = 10.0


class Claim:
    """All calls from one thread: the locks are those of its connection."""

    def __init__(self, node: CurrentNode) -> None:
        self._node = node
        self._session: int | None = None

    def take(self) -> None:
        """Raises `CannotJoin` where a process of this name runs, or nodes could not reach each other."""
        if connection.vendor != "postgresql":
            return
        deadline = time.monotonic() + PATIENCE_SECONDS
        while refusal := self._refusal():
            if time.monotonic() > deadline:
                raise CannotJoin(refusal)
            time.sleep(0.2)
        self._session = _session()

    def keep(self) -> None:
        """After a lost connection the locks are taken anew. Whoever was faster has replaced this node,
        which it learns by its heartbeat."""
        if connection.vendor == "postgresql" and self._session != _session():
            self._session = None if self._refusal() else _session()

    def _refusal(self) -> str:
        """Why this process may not go on; empty once it holds its locks."""
        if not _try_lock("pg_try_advisory_lock", _NAME, self._node.name):
            return (
                f"A node named {self._node.name} runs already. Give this one a name of its own with "
                "OCTOWORKERS_NODE."
            )
        how = "pg_try_advisory_lock_shared" if settings.REDIS_URL else "pg_try_advisory_lock"
        if _try_lock(how, _CHANNELS, ""):
            return ""
        _unlock(_NAME, self._node.name)
        return (
            "Another node without REDIS_URL runs on this database. Nodes reach each other's agents and "
            "browsers through Redis: start all of them with the same REDIS_URL."
            if settings.REDIS_URL
            else "Another node runs on this database, and this one has no REDIS_URL. Nodes reach each "
            "other's agents and browsers through Redis: start all of them with the same REDIS_URL."
        )


def _session() -> int:
    """Tells this connection from the next one."""
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def _try_lock(function: str, key: int, text: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, hashtext(%s))", [key, text])
        return bool(cursor.fetchone()[0])


def _unlock(key: int, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [key, text])
