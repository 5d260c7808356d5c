"""The nodes: which of them live, and what each has to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Count, QuerySet

from tasks.models import ACTIVE, Node, ServerTask
from workers.models import Machine

#: Outlives five missed heartbeats of 5 s, so that a slow database does not look like a death.
LEASE = timedelta(seconds=30)


class NodeState(StrEnum):
    RUNNING = "Running"
    DRAINING = "Draining"
    STOPPED = "Stopped"
    AWAY = "Away"


@dataclass(frozen=True)
class NodeRow:
    """A node as its page shows it. `running` are the tasks that it admitted, `agents` the sockets that it
    holds."""

    node: Node
    state: NodeState
    running: int
    agents: int

    @property
    def is_gone(self) -> bool:
        return self.state in (NodeState.STOPPED, NodeState.AWAY)

    @property
    def roles(self) -> str:
        roles = [("web", self.node.serves_web), ("engine", self.node.runs_engine)]
        return " and ".join(name for name, has_it in roles if has_it)


def live(now: datetime) -> QuerySet[Node]:
    """Those that said within their lease that they live, and have not said that they end."""
    return Node.objects.filter(stopped_at__isnull=True, last_seen_at__gte=now - LEASE)


def away(now: datetime) -> list[str]:
    """The names of those that hold nobody's connection any more."""
    known = Node.objects.values_list("name", flat=True)
    return list(known.exclude(pk__in=live(now).values("pk")))


def state_of(node: Node, now: datetime) -> NodeState:
    if node.stopped_at is not None:
        return NodeState.STOPPED
    if node.last_seen_at < now - LEASE:
        return NodeState.AWAY
    return NodeState.DRAINING if node.is_draining else NodeState.RUNNING


def rows(now: datetime) -> list[NodeRow]:
    """All nodes by name."""
    active = ServerTask.objects.filter(state__in=ACTIVE).order_by().values_list("node_name")
    running = dict(active.annotate(count=Count("pk")))
    sockets = Machine.objects.exclude(channel="").order_by().values_list("node_name")
    agents = dict(sockets.annotate(count=Count("pk")))
    return [
        NodeRow(node, state_of(node, now), running.get(node.name, 0), agents.get(node.name, 0))
        for node in Node.objects.all()
    ]


def row(node: Node, now: datetime) -> NodeRow:
    return next(one for one in rows(now) if one.node == node)


def is_draining(name: str) -> bool:
    return Node.objects.filter(name=name, is_draining=True).exists()


def engine_lives(now: datetime) -> bool:
    """Whether any node moves runs on."""
    return live(now).filter(runs_engine=True).exists()
