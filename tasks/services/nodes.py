"""Nodes: what processes say of themselves, and what people decide about them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common.usage import CannotDelete
from tasks.engine.drivers.base import Job, request
from tasks.engine.node import CurrentNode
from tasks.models import Node
from tasks.selectors import nodes as selectors
from tasks.selectors.nodes import LEASE
from workers.services import machines

__all__ = [
    "HEARTBEAT_SECONDS",
    "LEASE",
    "CannotJoin",
    "delete",
    "drain",
    "edit",
    "forget_away",
    "heartbeat",
    "start",
    "stopped",
    "undrain",
]

HEARTBEAT_SECONDS = 5.0


class CannotJoin(Exception):
    """A node may not start beside those that run; the text says why and what to do, to the person at
    the terminal."""


class StillThere(CannotDelete):
    def __init__(self, node: Node) -> None:
        super().__init__(f"{node} is running. Stop it first; it can be removed once it is away.")


def start(
    current: CurrentNode, *, version: str, keys_thumbprint: str, task_cap: int, now: datetime
) -> datetime:
    """Registers this process under its name, in place of one that ended. The answer is the start as it
    is stored: it tells this process from the next of its name. What people decided about a node of this
    name, its cap and that it drains, stands. Raises `CannotJoin`."""
    others = selectors.live(now).exclude(name=current.name).exclude(keys_thumbprint="")
    stranger = others.exclude(keys_thumbprint=keys_thumbprint).first()
    if stranger is not None:
        raise CannotJoin(
            f"This node has other keys than node {stranger}: sensitive values could not be read here, and "
            "agents would refuse it. Copy keys.json of that node into OCTOWORKERS_HOME of this one."
        )
    facts = {
        "version": version,
        "address": current.address,
        "runs_engine": current.runs_engine,
        "serves_web": current.serves_web,
        "keys_thumbprint": keys_thumbprint,
        "started_at": now,
        "last_seen_at": now,
        "stopped_at": None,
    }
    node, _ = Node.objects.update_or_create(
        name=current.name, defaults=facts, create_defaults={**facts, "task_cap": task_cap}
    )
    node.refresh_from_db(fields=["started_at"])
    return node.started_at


def heartbeat(name: str, *, started_at: datetime, now: datetime) -> bool:
    """Says that this process lives; False where another one has taken its name, or it was removed."""
    mine = Node.objects.filter(name=name, started_at=started_at)
    return bool(mine.update(last_seen_at=now, stopped_at=None))


def stopped(name: str, *, started_at: datetime, now: datetime) -> None:
    """This process ends: nobody is connected to it any more."""
    if Node.objects.filter(name=name, started_at=started_at).update(stopped_at=now):
        machines.forget_connections(name, now=now)


def forget_away(*, now: datetime) -> None:
    """Agents whose node is away are not connected, whatever it last said of them."""
    for name in selectors.away(now):
        machines.forget_connections(name, now=now)


@transaction.atomic
def edit(node: Node, *, task_cap: int, user: User | None) -> None:
    """A lower cap stops nothing that runs."""
    node.task_cap = task_cap
    node.save(update_fields=["task_cap"])
    request(Job.ADMIT)
    _record(node, user=user, category="Modified", message=f"Set the task cap of node {node} to {task_cap}.")


@transaction.atomic
def drain(node: Node, *, reason: str, user: User | None) -> None:
    """It finishes what it admitted and takes nothing new."""
    node.is_draining, node.drain_reason = True, reason
    node.save(update_fields=["is_draining", "drain_reason"])
    why = f": {reason}" if reason else "."
    _record(node, user=user, category="Modified", message=f"Started draining node {node}{why}")


@transaction.atomic
def undrain(node: Node, *, user: User | None) -> None:
    node.is_draining, node.drain_reason = False, ""
    node.save(update_fields=["is_draining", "drain_reason"])
    request(Job.ADMIT)
    _record(node, user=user, category="Modified", message=f"Stopped draining node {node}.")


@transaction.atomic
def delete(node: Node, *, user: User | None, now: datetime) -> None:
    """Forgets a node that is away for good. Raises `StillThere`."""
    if selectors.live(now).filter(pk=node.pk).exists():
        raise StillThere(node)
    machines.forget_connections(node.name, now=now)
    _record(node, user=user, category="Deleted", message=f"Removed node {node}.")
    node.delete()


def _record(node: Node, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=node, message=message)
