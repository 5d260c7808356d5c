"""Who wants to know that workers may take more work than before: the engine, which stands above."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

Listener = Callable[[], None]
_listeners: list[Listener] = []


def on_more_room(listener: Listener) -> None:
    """Called in an AppConfig's `ready`; the listener is called after the change is committed."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce_room() -> None:
    for listener in _listeners:
        transaction.on_commit(listener, robust=True)
