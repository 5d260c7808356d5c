"""What the agent channel says of a worker: it came, it lives, it left. Health follows from that.

Nothing here takes a person's decision (disabled, draining, revoked) back.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from common import live
from workers.models import ONLINE, EnrolmentCode, Health, Machine

#: Outlives three missed heartbeats of 15 s, so that a pause does not look like a death.
LEASE = timedelta(seconds=60)
LOW_DISK = 5 * 10**9
MAX_CAPABILITIES = 32_000
#: How long the page that enrolled a worker may still be watching.
WATCHED = timedelta(hours=1)


class MachineRevoked(Exception):
    """Its key was revoked, or it was deleted: the connection must end."""


class BadCapabilities(ValueError):
    """What an agent says of itself is not a JSON object of a sensible size."""


def connected(
    machine_id: int,
    channel: str,
    version: str,
    boot_id: str,
    capabilities: dict[str, Any],
    now: datetime,
) -> Machine:
    """An agent has proved its key. Raises `MachineRevoked` and `BadCapabilities`."""
    known = checked_capabilities(capabilities)
    disk_free = disk_free_in(known)
    health, reason = health_of(disk_free)
    updated = Machine.objects.filter(pk=machine_id, is_revoked=False).update(
        channel=channel,
        connected_at=now,
        last_seen_at=now,
        agent_version=printable(version, 40),
        boot_id=printable(boot_id, 80),
        capabilities=known,
        disk_free=disk_free,
        health=health,
        health_reason=reason,
    )
    if not updated:
        raise MachineRevoked
    machine = Machine.objects.get(pk=machine_id)
    announce(machine)
    _announce_enrolment(machine, now)
    return machine


def disconnected(machine_id: int, channel: str, now: datetime) -> None:
    """The socket of this channel closed. A newer connection of the same agent stays; health stays
    until the lease is over, because agents come back."""
    if Machine.objects.filter(pk=machine_id, channel=channel).update(channel=""):
        _announce_id(machine_id)


def forget_connections(now: datetime) -> None:
    """When a server starts: whoever was connected to the process before it is not any more."""
    for machine in Machine.objects.exclude(channel=""):
        disconnected(machine.pk, machine.channel, now)


def heartbeat(machine_id: int, now: datetime, disk_free: int | None = None) -> bool:
    """Renews the lease; `disk_free` in bytes. False where the worker was revoked or deleted."""
    health, reason = health_of(disk_free)
    own = Machine.objects.filter(pk=machine_id, is_revoked=False)
    values: dict[str, Any] = {"last_seen_at": now, "health_reason": reason}
    if disk_free is not None:
        values["disk_free"] = disk_free
    # Two statements instead of read and write: the common one changes no health and tells nobody.
    if own.filter(health=health).update(**values):
        return True
    if not own.update(health=health, **values):
        return False
    _announce_id(machine_id)
    return True


def reported(machine_id: int, capabilities: dict[str, Any], now: datetime) -> None:
    """The answer to a health check. Raises `BadCapabilities`."""
    known = checked_capabilities(capabilities)
    heartbeat(machine_id, now, disk_free_in(known))
    Machine.objects.filter(pk=machine_id).update(capabilities=known)
    _announce_id(machine_id)


def expire_leases(now: datetime) -> list[Machine]:
    """Marks those unavailable that were silent for a whole lease, and gives them back."""
    limit = now - LEASE
    silent = Machine.objects.filter(last_seen_at__lt=limit).exclude(health=Health.UNAVAILABLE)
    return [machine for machine in silent if _expire(machine, limit)]


def _expire(machine: Machine, limit: datetime) -> bool:
    machine.health = Health.UNAVAILABLE
    machine.health_reason = f"No heartbeat since {machine.last_seen_at:%Y-%m-%d %H:%M:%S} UTC."
    # A heartbeat that arrives in between wins.
    lost = Machine.objects.filter(pk=machine.pk, last_seen_at__lt=limit).update(
        health=machine.health, health_reason=machine.health_reason
    )
    if lost:
        announce(machine)
    return bool(lost)


def health_of(disk_free: int | None) -> tuple[Health, str]:
    """Health and reason of a worker that is in contact."""
    if disk_free is None or disk_free >= LOW_DISK:
        return Health.HEALTHY, ""
    return Health.HAS_WARNINGS, f"{disk_free / 10**9:.1f} GB free on its disk, less than 5 GB."


def checked_capabilities(capabilities: object) -> dict[str, Any]:
    """Raises `BadCapabilities` for anything but a JSON object of at most 32,000 characters that every
    database can keep: no NUL, no half of a surrogate pair, no NaN, no nesting without end."""
    if not isinstance(capabilities, dict):
        raise BadCapabilities("The capabilities are not a JSON object.")
    try:
        text = json.dumps(capabilities, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadCapabilities("The capabilities are not proper JSON.") from error
    if len(text) > MAX_CAPABILITIES or "\\u0000" in text:
        raise BadCapabilities("The capabilities are longer than 32,000 characters, or hold a NUL.")
    return capabilities


def printable(text: str, length: int) -> str:
    """What of a text may be kept and shown, cut to a length."""
    return "".join(character for character in text if character.isprintable())[:length]


def disk_free_in(capabilities: dict[str, Any]) -> int | None:
    """Bytes that are free on the agent's disk, where it says."""
    free = capabilities.get("disk_free")
    return free if isinstance(free, int) and free >= 0 else None


def announce(machine: Machine) -> None:
    """Tells open pages to look again."""
    live.nudge(machine.space_id, "workers", f"worker-{machine.pk}", "pools")


def _announce_id(machine_id: int) -> None:
    machine = Machine.objects.only("space_id").filter(pk=machine_id).first()
    if machine:
        announce(machine)


def _announce_enrolment(machine: Machine, now: datetime) -> None:
    codes = EnrolmentCode.objects.filter(machine=machine, used_at__gte=now - WATCHED)
    for code in codes.values_list("pk", flat=True):
        live.nudge(machine.space_id, f"enrolment-{code}")


def is_online(machine: Machine) -> bool:
    """In contact and fit to work, with or without warnings."""
    return machine.health in ONLINE and not machine.is_revoked
