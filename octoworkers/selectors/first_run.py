"""The way to a first run, for a space in which nothing has run yet. Every tick is looked up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse

from accounts.permissions import Permission, can
from pools.models import WorkerPool
from projects.models import Project
from runbooks.models import Runbook
from spaces.models import Space
from workers.models import Machine


@dataclass(frozen=True)
class Errand:
    """`url` is empty where the user may not do it. `is_next` marks the first that is left."""

    title: str
    why: str
    verb: str
    url: str
    is_done: bool
    is_next: bool = False


def checklist(space: Space, user: Any) -> list[Errand]:
    """In the order in which they are best done; the last one ends the list for good."""
    errands = _errands(space, user)
    following = next(errand for errand in errands if not errand.is_done)
    return [replace(errand, is_next=errand is following) for errand in errands]


def _errands(space: Space, user: Any) -> list[Errand]:
    machines = Machine.objects.visible_to(user).in_space(space).workers()
    pools = WorkerPool.objects.visible_to(user).in_space(space)
    projects = Project.objects.visible_to(user).in_space(space)
    return [
        Errand(
            "Add a worker",
            "A machine with the agent on it. One line to paste, and it reports here.",
            "Add worker",
            _url(user, Permission.EDIT_WORKER, "worker_add"),
            machines.filter(is_builtin=False).exists(),
        ),
        Errand(
            "Create a worker pool",
            "Workers for one purpose, such as the databases of production. Steps name a pool, not a machine.",
            "New pool",
            _url(user, Permission.EDIT_POOL, "pool_create"),
            pools.filter(is_default=False).exists(),
        ),
        Errand(
            "Create a project",
            "It holds runbooks, variables and releases.",
            "New project",
            _url(user, Permission.EDIT_PROJECT, "project_create"),
            projects.exists(),
        ),
        Errand(
            "Run a runbook",
            "Choose an environment, see in which pool each step will run and why, and watch the log live.",
            "Open runbooks",
            reverse("runbook_list") if _has_runbook(space, user) else "",
            False,
        ),
    ]


def _url(user: Any, permission: Permission, name: str) -> str:
    return reverse(name) if can(user, permission) else ""


def _has_runbook(space: Space, user: Any) -> bool:
    return Runbook.objects.visible_to(user).filter(project__space=space).exists()
