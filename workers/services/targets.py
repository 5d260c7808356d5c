"""Deployment targets: machines that are registered in environments. What is true of every machine, such
as enabling and deleting, is in `machines`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from accounts.services import events
from domain.targets import clean_tags, tag_key
from environments.models import Environment
from tenants.models import Tenant
from workers.models import Machine, Participation, TargetTag
from workers.services.presence import announce
from workers.services.room import announce_room

DEFAULT_SLOTS = 1
"""A target runs one script at a time, as in Octopus, unless somebody says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """Where a machine is a deployment target, and for what."""

    environments: Collection[Environment]
    tags: Collection[str]
    participation: str = Participation.UNTENANTED
    tenants: Collection[Tenant] = ()


@transaction.atomic
def edit(
    machine: Machine,
    *,
    name: str,
    description: str,
    slots: int,
    registration: Registration,
    user: User | None,
) -> Machine:
    """Raises IntegrityError where the name is taken, and `domain.targets.BadTag`."""
    machine.name, machine.description, machine.slots = name, description, slots
    machine.save(update_fields=["name", "description", "slots", "updated_at"])
    register(machine, registration)
    announce_room()
    _record(machine, user, f"Changed deployment target {machine}.")
    return machine


@transaction.atomic
def unregister(machine: Machine, *, user: User | None) -> None:
    """It is no deployment target any more, and stays the worker that it is."""
    register(machine, Registration(environments=(), tags=()))
    _record(machine, user, f"{machine} is no deployment target any more.")


def register(machine: Machine, registration: Registration) -> None:
    """Where it is a target from now on, in the caller's transaction; nothing is recorded."""
    machine.environments.set(registration.environments)
    machine.tenants.set(registration.tenants)
    machine.participation = registration.participation
    machine.save(update_fields=["participation", "updated_at"])
    _set_tags(machine, clean_tags(registration.tags))


def _set_tags(machine: Machine, tags: Iterable[str]) -> None:
    """Those that stay keep their rows, unless their spelling changed."""
    wanted = {tag_key(tag): tag for tag in tags}
    for row in machine.target_tags.all():
        if wanted.get(tag_key(row.name)) == row.name:
            del wanted[tag_key(row.name)]
        else:
            row.delete()
    TargetTag.objects.bulk_create(TargetTag(machine=machine, name=tag) for tag in wanted.values())


def _record(machine: Machine, user: User | None, message: str) -> None:
    events.record(user=user, category="Modified", subject=machine, message=message, space=machine.space)
    announce(machine)
