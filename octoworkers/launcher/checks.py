"""Whether what the settings name is there, asked before anything is started."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

from octoworkers.launcher.refusal import CannotStart

_REDIS_TIMEOUT = 5


def database() -> None:
    """Raises `CannotStart` if the database does not answer."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise CannotStart(f"The database {_database_name()} does not answer: {_first_line(error)}") from error


def _database_name() -> str:
    """Without the password."""
    configured = connection.settings_dict
    host = configured.get("HOST")
    return f"{configured['NAME']} on {host}" if host else str(configured["NAME"])


def redis() -> None:
    """Raises `CannotStart` if REDIS_URL names a Redis that does not answer."""
    if not settings.REDIS_URL:
        return
    import redis as client  # noqa: PLC0415  # not loaded where it is not used: it costs 0.1 s

    try:
        with client.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=_REDIS_TIMEOUT) as connected:
            connected.ping()
    except (client.RedisError, ValueError, OSError) as error:
        place = urlsplit(settings.REDIS_URL).netloc.rpartition("@")[2] or "of REDIS_URL"
        raise CannotStart(f"The Redis {place} does not answer: {_first_line(error)}") from error


def can_have_more_nodes(what: str) -> None:
    """Raises `CannotStart` where this process would be alone. `what` it is begins the sentence."""
    missing = [
        name
        for name, is_there in (
            ("a PostgreSQL in DATABASE_URL", connection.vendor == "postgresql"),
            ("a Redis in REDIS_URL", bool(settings.REDIS_URL)),
        )
        if not is_there
    ]
    if missing:
        raise CannotStart(
            f"{what} works together with other nodes, and needs {' and '.join(missing)}, "
            "the same for all of them."
        )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def not_newer() -> None:
    """Raises `CannotStart` if a newer version has changed the database: this one would write what that one
    does not expect."""
    executor = MigrationExecutor(connection)
    unknown = sorted(executor.loader.applied_migrations.keys() - executor.loader.disk_migrations.keys())
    if unknown:
        app, name = unknown[-1]
        raise CannotStart(
            f"The database is that of a newer version: it has the change {app}.{name}, which this version "
            "does not know. Start the newer version, or restore a backup from before it."
        )


def has_pending_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
