"""What the shell says about the server and counts beside the navigation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from environments.models import Environment
from pools.models import WorkerPool
from spaces.models import Space
from tasks.engine.drivers import base
from tasks.models import ACTIVE, ServerTask
from workers.models import Machine


@dataclass(frozen=True)
class Counts:
    """Of one space. `active` are tasks that run, `connected` agents whose socket is open."""

    active: int = 0
    pools: int = 0
    workers: int = 0
    connected: int = 0
    environments: int = 0
    targets: int = 0


def counts(space: Space | None, user: Any) -> Counts:
    """All of them in one query."""
    if space is None:
        return Counts()
    machines = Machine.objects.visible_to(user)
    members = Q(is_builtin=False, is_revoked=False)
    row = Space.objects.filter(pk=space.pk).values_list(
        _count(ServerTask.objects.visible_to(user).filter(state__in=ACTIVE)),
        _count(WorkerPool.objects.visible_to(user)),
        _count(machines.workers().filter(members)),
        _count(machines.exclude(channel="")),
        _count(Environment.objects.visible_to(user)),
        _count(machines.targets().filter(is_revoked=False)),
    )
    return Counts(*row.get())


def active_tasks(space: Space, user: Any) -> int:
    """The `active` of `counts` alone."""
    return ServerTask.objects.visible_to(user).in_space(space).filter(state__in=ACTIVE).count()


def _count(rows: QuerySet[Any]) -> Coalesce:
    per_space = rows.filter(space=OuterRef("pk")).order_by().values("space")
    return Coalesce(Subquery(per_space.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


@dataclass(frozen=True)
class Server:
    name: str
    version: str
    agents: int

    @property
    def healthy(self) -> bool:
        """Whether this process or another node moves runs on. Without an engine pages are all there is."""
        return base.is_running()
