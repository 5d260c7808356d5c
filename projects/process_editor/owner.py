from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from processes.models import OwnerKind
from projects.models import Project


@dataclass(frozen=True)
class Baseline:
    """What the draft is compared with: a snapshot or a release, `process` as it was frozen."""

    label: str
    url: str
    process: dict[str, Any]


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class ProcessOwner:
    """What a process belongs to, as far as its editor has to know.

    `process_ref` is how scopes name the process ("deployment", "runbook:<id>"). `url` is the address
    of the editor's page and ends in a slash; everything else of the editor lives below it.
    `crumbs` are (label, address) pairs above the page. `tabs_template` is the tab bar and
    `actions_template` the buttons beside the title; both are rendered with `context`, which also
    names the current tab as `tab`. `baseline` finds what was frozen last, and `nothing_frozen` says what
    it means that there is none.
    """

    project: Project
    kind: OwnerKind
    pk: int
    process_ref: str
    title: str
    url: str
    variables_url: str
    description: str = ""
    crumbs: tuple[tuple[str, str], ...] = ()
    tabs_template: str = "projects/_tabs.html"
    actions_template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    baseline: Callable[[], Baseline | None] = _nothing
    nothing_frozen: str = ""
