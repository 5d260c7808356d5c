"""Counting within a window of time: over all nodes where they share a Redis, else in this process.

A node that does not reach its Redis counts for itself meanwhile: who is let in must not depend on it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

T = TypeVar("T")

#: Seconds for which a Redis that failed is not asked, so that requests do not wait for it one by one.
PAUSE = 5.0
log = logging.getLogger(__name__)
_asked_again_at = 0.0


def add(key: str, seconds: int) -> int:
    """Counts one more, and gives the count; it begins anew `seconds` after its first."""
    return _shared(lambda cache: _add(cache, key, seconds))


def read(keys: Sequence[str]) -> dict[str, int]:
    """The counts of those that have one."""
    return _shared(lambda cache: cache.get_many(keys))


def forget(key: str) -> None:
    _shared(lambda cache: cache.delete(key))


def _add(cache: BaseCache, key: str, seconds: int) -> int:
    cache.add(key, 0, seconds)
    try:
        return int(cache.incr(key))
    except ValueError:
        # It ran out between the two calls.
        cache.add(key, 1, seconds)
        return 1


def _shared(what: Callable[[Any], T]) -> T:
    global _asked_again_at  # of this process
    if time.monotonic() >= _asked_again_at:
        try:
            return what(caches["shared"])
        except _redis_errors() as error:
            _asked_again_at = time.monotonic() + PAUSE
            log.warning("Redis does not answer (%s): this node counts for itself.", error)
    return what(caches["default"])


def _redis_errors() -> type[Exception]:
    from redis.exceptions import RedisError  # noqa: PLC0415  # not loaded where it is not used

    return RedisError
