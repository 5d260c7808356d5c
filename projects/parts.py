"""What higher apps add to a project: things that go when it is deleted, and tabs of its pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from projects.models import Project

BeforeDelete = Callable[[Project], None]


@dataclass(frozen=True)
class Tab:
    """A tab of the project pages. `key` is what a page names as the active one; tabs stand by `position`."""

    key: str
    label: str
    position: int
    url: Callable[[Project], str]
    count: Callable[[Project], int] | None = None


_before_delete: list[BeforeDelete] = []
_tabs: dict[str, Tab] = {}


def register_before_delete(act: BeforeDelete) -> None:
    """Called in an AppConfig's `ready`; `act` runs in the transaction that deletes the project."""
    if act not in _before_delete:
        _before_delete.append(act)


def run_before_delete(project: Project) -> None:
    for act in _before_delete:
        act(project)


def register_tab(tab: Tab) -> None:
    """Called in an AppConfig's `ready`."""
    _tabs[tab.key] = tab


def tabs() -> list[Tab]:
    return sorted(_tabs.values(), key=lambda tab: tab.position)
