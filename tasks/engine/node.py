"""Which node this process is. Its name is known when the process starts; its cap and whether it drains
stand in its row (`tasks.models.Node`), where people change them."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class CurrentNode:
    """`runs_engine` is false in commands and where pages alone are served."""

    name: str
    runs_engine: bool = False
    serves_web: bool = False
    address: str = ""


_current: CurrentNode | None = None


def current() -> CurrentNode:
    """This process. One that never said what it is, such as a command, bears the name alone."""
    return _current or CurrentNode(settings.NODE_NAME)


def become(node: CurrentNode) -> None:
    """Once, before the engine starts."""
    global _current
    _current = node
