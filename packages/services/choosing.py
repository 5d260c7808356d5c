"""Which versions of its packages a process gets: the newest, or those that somebody chose for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from django.db.models import Q

from domain import codec
from domain.plan_packages import ChosenPackage, PackageChoices, needed
from domain.processes import ProcessDef
from packages.models import OwnerKind, Package
from packages.services import packages
from spaces.models import Space

Wanted = Mapping[tuple[str, str], str]
"""Versions by action and name of the reference."""


class NoSuchPackage(ValueError):
    """A process cannot have a package; the text says which, to a person. `key` as in `Wanted`."""

    def __init__(self, message: str, *, key: tuple[str, str]) -> None:
        super().__init__(message)
        self.key = key


def choices(space: Space, process: ProcessDef, chosen: Sequence[ChosenPackage] | None) -> PackageChoices:
    """What a plan of the process works with; `chosen` None is for a draft."""
    ids = {reference.package_id for _, _, reference in needed(process)}
    if not ids:
        return PackageChoices()
    if chosen is None:
        return PackageChoices(newest=newest(space, ids))
    return PackageChoices(
        present=frozenset((one.id_key, one.version_key) for one in find_all(space, chosen)),
        chosen={(one.action, one.name): one.version for one in chosen},
    )


def newest(space: Space, ids: Collection[str]) -> dict[str, str]:
    """The newest version by ID in lower case."""
    keys = {id.lower() for id in ids}
    rows = Package.objects.in_space(space).filter(id_key__in=keys).newest()  # type: ignore[attr-defined]
    return dict(rows.values_list("id_key", "version"))


def choose(space: Space, process: ProcessDef, wanted: Wanted | None = None) -> list[ChosenPackage]:
    """A version for each package of the process: what is wanted, else the newest. Raises `NoSuchPackage`."""
    found = list(needed(process))
    latest = newest(space, {reference.package_id for _, _, reference in found})
    chosen = []
    for _, action, reference in found:
        key = (action.id, reference.name)
        version = (wanted or {}).get(key) or latest.get(reference.package_id.lower(), "")
        if not version:
            message = f"{action.name} needs the package {reference.package_id}, which nobody has pushed yet."
            raise NoSuchPackage(message, key=key)
        chosen.append(ChosenPackage(action.id, reference.name, reference.package_id, version, action.name))
    return _spelled_as_pushed(space, chosen)


def _spelled_as_pushed(space: Space, chosen: Iterable[ChosenPackage]) -> list[ChosenPackage]:
    """Raises `NoSuchPackage` for a version that is not there."""
    rows = list(chosen)
    there = {(one.id_key, one.version_key): one.version for one in find_all(space, rows)}
    for one in rows:
        if (one.package_id.lower(), one.version.lower()) not in there:
            message = f"The built-in feed has no {one.label}. Push it, or choose another version."
            raise NoSuchPackage(message, key=(one.action, one.name))
    return [
        ChosenPackage(
            one.action, one.name, one.package_id, there[one.package_id.lower(), one.version.lower()], one.step
        )
        for one in rows
    ]


def find_all(space: Space, chosen: Iterable[ChosenPackage]) -> list[Package]:
    """The packages, without those that are gone."""
    keys = {(one.package_id.lower(), one.version.lower()) for one in chosen}
    if not keys:
        return []
    wanted = reduce(or_, (Q(id_key=id, version_key=version) for id, version in keys))
    return list(Package.objects.in_space(space).filter(wanted))


def hold(space: Space, chosen: Iterable[ChosenPackage], *, kind: OwnerKind, owner_id: int) -> None:
    """They stay as long as the owner does."""
    packages.hold(find_all(space, chosen), kind=kind, owner_id=owner_id)


def to_json(chosen: Iterable[ChosenPackage]) -> list[codec.Json]:
    return [codec.encode_fields(one) for one in chosen]
