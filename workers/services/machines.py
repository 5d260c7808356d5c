"""Machines, workers and deployment targets alike: what people decide about them. What their agents say is
in `presence`, what the engine takes of them in `slots`; both are offered here, so that callers know one
noun. Where a machine is a target is in `targets`."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import live
from common.slugs import unique_slug
from common.usage import CannotDelete, InUse, delete_unused
from pools.models import WorkerPool
from protocol.handshake import thumbprint
from spaces.models import Space
from workers.models import Health, Machine
from workers.services.names import free_name
from workers.services.presence import (
    LEASE,
    BadCapabilities,
    MachineRevoked,
    announce,
    connected,
    disconnected,
    expire_leases,
    forget_connections,
    heartbeat,
    is_online,
    reported,
)
from workers.services.room import announce_room, on_more_room
from workers.services.slots import release_slot, reserve_slot

__all__ = [
    "LEASE",
    "BadCapabilities",
    "Busy",
    "MachineRevoked",
    "NotConnected",
    "connected",
    "delete",
    "deregister",
    "disable",
    "disconnected",
    "drain",
    "edit",
    "enable",
    "ensure_builtin",
    "expire_leases",
    "forget_connections",
    "heartbeat",
    "on_more_room",
    "release_slot",
    "reported",
    "request_check",
    "reserve_slot",
    "resume",
    "revoke",
]

BUILTIN_NAME = "Built-in worker"


class Busy(CannotDelete):
    """Refused: steps run on it, or may still run on it while contact is lost."""

    def __init__(self, machine: Machine) -> None:
        steps = "a step" if machine.busy_slots == 1 else f"{machine.busy_slots} steps"
        super().__init__(f"{machine} still holds {steps}. Wait for the end, or cancel the task first.")


class NotConnected(Exception):
    """A worker that is not connected cannot be asked anything."""


@transaction.atomic
def edit(
    machine: Machine,
    *,
    name: str,
    description: str,
    pools: Iterable[WorkerPool],
    slots: int,
    user: User | None,
) -> Machine:
    """Raises IntegrityError where the name is taken. Fewer slots than busy ones stop nothing that runs."""
    machine.name, machine.description, machine.slots = name, description, slots
    machine.save(update_fields=["name", "description", "slots", "updated_at"])
    if not machine.is_builtin:
        machine.pools.set(pools)
    announce_room()
    _record(machine, user=user, category="Modified", message=f"Changed worker {machine}.")
    return machine


def enable(machine: Machine, *, user: User | None) -> None:
    _decide(machine, user=user, message=f"Enabled {machine.noun} {machine}.", is_disabled=False)
    announce_room()


def disable(machine: Machine, *, user: User | None) -> None:
    """Takes nothing new; what runs on it goes on."""
    _decide(machine, user=user, message=f"Disabled {machine.noun} {machine}.", is_disabled=True)


def drain(machine: Machine, *, user: User | None) -> None:
    """Like `disable`, said of a worker that is to be stopped or upgraded soon."""
    _decide(machine, user=user, message=f"Started draining {machine.noun} {machine}.", is_draining=True)


def resume(machine: Machine, *, user: User | None) -> None:
    _decide(machine, user=user, message=f"Stopped draining {machine.noun} {machine}.", is_draining=False)
    announce_room()


@transaction.atomic
def revoke(machine: Machine, *, user: User | None) -> None:
    """Its key is not accepted again; an open connection ends. There is no way back but a new code."""
    _decide(
        machine,
        user=user,
        message=f"Revoked the key of {machine.noun} {machine}.",
        is_revoked=True,
        health=Health.UNAVAILABLE,
        health_reason="Its key was revoked.",
    )
    _end_connection(machine.channel, code="revoked", message="This agent's key has been revoked.")


def deregister(machine: Machine) -> None:
    """The agent itself leaves for good. A worker that still holds a step stays to be seen, revoked."""
    try:
        delete(machine, user=None)
    except (Busy, InUse):
        revoke(machine, user=None)


@transaction.atomic
def delete(machine: Machine, *, user: User | None) -> None:
    """Raises `Busy` and `common.usage.InUse`."""
    held = Machine.objects.select_for_update().get(pk=machine.pk)
    if held.busy_slots:
        raise Busy(held)
    _record(machine, user=user, category="Deleted", message=f"Deleted {machine.noun} {machine}.")
    delete_unused(machine)
    _end_connection(held.channel, code="deleted", message="This machine has been deleted on the server.")


def _end_connection(channel: str, *, code: str, message: str) -> None:
    if channel:
        closing = {"type": "agent.close", "code": code, "message": message}
        transaction.on_commit(lambda: live.send(channel, closing), robust=True)


def request_check(machine: Machine, *, user: User | None = None) -> None:
    """Asks the agent to look again at what it has. Raises `NotConnected`."""
    if not machine.is_connected or not is_online(machine):
        raise NotConnected(f"{machine} is not connected.")
    live.send(machine.channel, {"type": "agent.check"})


@transaction.atomic
def ensure_builtin(space: Space, public_key_hex: str) -> Machine:
    """The server's own worker in a space, made on first use, with this key."""
    pinned = {"public_key": public_key_hex, "thumbprint": thumbprint(bytes.fromhex(public_key_hex))}
    machine, is_new = Machine.objects.get_or_create(
        space=space,
        is_builtin=True,
        defaults={"name": free_name(space, BUILTIN_NAME), "slug": _free_slug(space), **pinned},
    )
    if not is_new and machine.public_key != public_key_hex:
        Machine.objects.filter(pk=machine.pk).update(**pinned)
        machine.refresh_from_db()
    return machine


def _free_slug(space: Space) -> str:
    return unique_slug(BUILTIN_NAME, Machine.objects.in_space(space), fallback="worker")


@transaction.atomic
def _decide(machine: Machine, *, user: User | None, message: str, **values: object) -> None:
    for name, value in values.items():
        setattr(machine, name, value)
    machine.save(update_fields=[*values, "updated_at"])
    _record(machine, user=user, category="Modified", message=message)


def _record(machine: Machine, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=machine, message=message, space=machine.space)
    announce(machine)
