"""What a deployment and a runbook each tell the run dialog about themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.plan_differences import Shown
from environments.models import Environment
from projects.models import Project
from projects.services.runs import Runnable
from tasks.models import ServerTask
from tasks.services.options import Wishes
from tenants.models import Tenant


@dataclass(frozen=True)
class Choice:
    """What is started: the value of a source, where, and how. `seen` is the plan that was looked at, None
    where nobody looked at one."""

    source: str
    environments: Sequence[Environment]
    tenants: Sequence[Tenant]
    wishes: Wishes
    seen: Shown | None
    now: datetime


Start = Callable[[Choice], list[ServerTask]]


@dataclass(frozen=True)
class Source:
    """A choice of what to run, such as the published snapshot or the draft; `value` is its form value."""

    value: str
    label: str


@dataclass(frozen=True)
class RunDialog:
    """`verb` is what the button says (Run, Deploy). With one source only, the form does not ask for it.

    Without any, `nothing_to_run` says why. `runnable` takes the value of the chosen source; `start` raises
    NoPlace, RunRefused or PlanChanged.
    `process_url` is where a step is put right.
    """

    project: Project
    title: str
    verb: str
    run_url: str
    plan_url: str
    back_url: str
    process_url: str
    sources: Sequence[Source]
    runnable: Callable[[str], Runnable]
    start: Start
    source_label: str = "Snapshot"
    subtitle: str = ""
    nothing_to_run: str = ""
