"""What the REST API's parts in every app are made of; see docs/api.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _as_if_not_installed(*names: str) -> Iterator[None]:
    """Modules that are loaded already stay as they are."""
    missing = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]  # None: Python refuses to import it
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


# REST framework loads what it might need because it is there: fields for PostgreSQL's arrays, and so the
# driver also on SQLite, and a client for tests. Together they are a seventh of an idle server's memory.
with _as_if_not_installed("requests", "django.contrib.postgres.fields"):
    import rest_framework.compat  # noqa: F401
