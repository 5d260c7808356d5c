"""What the agent channel says of a worker: it came, it lives, it left. Health follows from that.

Nothing here takes a person's decision (disabled, draining, revoked) back.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from common import live
from common.prepared import Param, Rows, Update
from common.times import duration_words
from workers.models import ONLINE, EnrolmentCode, Health, Machine

#: Outlives three missed heartbeats of 15 s, so that a pause does not look like a death.
LEASE = timedelta(seconds=60)
LOW_DISK = 5 * 10**9
#: Seconds. The times of log lines are the agent's: from here on they mislead whoever compares them.
MOST_SKEW = 5.0
CENTURY = 100 * 365 * 86_400.0
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
    *,
    node_name: str = "",
    clock: float | None = None,
) -> Machine:
    """An agent has proved its key to a node. `clock` is its time in seconds since the epoch. Raises
    `MachineRevoked` and `BadCapabilities`."""
    known = checked_capabilities(capabilities)
    disk_free = disk_free_in(known)
    health, reason = health_of(disk_free, skew_of(clock, now))
    updated = Machine.objects.filter(pk=machine_id, is_revoked=False).update(
        channel=channel,
        node_name=node_name,
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
    if Machine.objects.filter(pk=machine_id, channel=channel).update(channel="", node_name=""):
        _announce_id(machine_id)


def forget_connections(node_name: str, *, now: datetime) -> None:
    """When a node starts, ends or is away: whoever was connected to it is not any more."""
    for machine in Machine.objects.filter(node_name=node_name).exclude(channel=""):
        disconnected(machine.pk, machine.channel, now)


_beat = Update(
    lambda: Machine.objects.filter(
        pk=Param("id"), is_revoked=False, health=Param("health"), channel=Param("channel")
    ),
    last_seen_at=Param("now"),
    health_reason=Param("reason"),
    disk_free=Param("disk_free"),
)


def heartbeat(
    machine_id: int,
    now: datetime,
    disk_free: int | None = None,
    *,
    clock: float | None = None,
    channel: str = "",
    node_name: str = "",
) -> bool:
    """Renews the lease; `disk_free` in bytes, `clock` the agent's time. False where the worker was revoked
    or deleted. A beat that came through a socket names its channel and node: a node that was taken for
    dead may hold it still."""
    health, reason = health_of(disk_free, skew_of(clock, now))
    # What thousands of agents say all the time, and what changes nothing that anybody sees.
    if channel and disk_free is not None:
        said = {"health": health.value, "channel": channel, "reason": reason, "disk_free": disk_free}
        if _beat(id=machine_id, now=now, **said):
            return True
    own = Machine.objects.filter(pk=machine_id, is_revoked=False)
    values: dict[str, Any] = {"last_seen_at": now, "health_reason": reason}
    if disk_free is not None:
        values["disk_free"] = disk_free
    # Two statements instead of read and write: the common one changes no health and tells nobody.
    unchanged = own.filter(health=health, channel=channel) if channel else own.filter(health=health)
    if unchanged.update(**values):
        return True
    if channel:
        own.filter(channel="").update(channel=channel, node_name=node_name)
    if not own.update(health=health, **values):
        return False
    _announce_id(machine_id)
    return True


def reported(
    machine_id: int, capabilities: dict[str, Any], now: datetime, *, clock: float | None = None
) -> None:
    """The answer to a health check. Raises `BadCapabilities`."""
    known = checked_capabilities(capabilities)
    heartbeat(machine_id, now, disk_free_in(known), clock=clock)
    Machine.objects.filter(pk=machine_id).update(capabilities=known)
    _announce_id(machine_id)


_silent = Rows(
    lambda: (
        Machine.objects.filter(last_seen_at__lt=Param("limit"))
        .exclude(health=Health.UNAVAILABLE)
        .values_list("pk")
    )
)


def expire_leases(now: datetime) -> list[Machine]:
    """Marks those unavailable that were silent for a whole lease, and gives them back."""
    limit = now - LEASE
    ids = [pk for (pk,) in _silent(limit=limit)]
    silent = Machine.objects.filter(pk__in=ids) if ids else ()
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


def health_of(disk_free: int | None, skew: float) -> tuple[Health, str]:
    """Health and reasons of a worker that is in contact; `skew` in seconds ahead of the server."""
    reasons = []
    if disk_free is not None and disk_free < LOW_DISK:
        reasons.append(f"{disk_free / 10**9:.1f} GB free on its disk, less than 5 GB.")
    if abs(skew) > MOST_SKEW:
        way = "ahead of" if skew > 0 else "behind"
        reasons.append(f"Its clock is {duration_words(abs(skew))} {way} the server's.")
    return (Health.HAS_WARNINGS if reasons else Health.HEALTHY), " ".join(reasons)


def skew_of(clock: float | None, now: datetime) -> float:
    """Seconds that an agent's clock is ahead of the server's; 0 where the agent does not say. An agent
    may say anything: no clock is counted as more than a century off."""
    skew = 0.0 if clock is None else clock - now.timestamp()
    return max(-CENTURY, min(skew, CENTURY))


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
