"""Packages of the built-in feed: pushed, held by what was made with them, deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from typing import IO

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from common.usage import delete_unused, refuse_if_used
from domain.packages import BadPackage, Overwrite, PackageName, parse_file_name
from domain.versions import sort_key
from packages.models import Feed, OwnerKind, Package, PackageUse
from packages.services import feeds, files
from packages.services.files import StoredFile
from spaces.models import Space


class AlreadyExists(Exception):
    """Nothing was changed. The first sentence is the one that clients of the API look for."""

    def __init__(self, package: Package) -> None:
        super().__init__(
            "A package with the same name and version already exists. "
            f"{package} was not changed: push another version, or have it replaced."
        )
        self.package = package


def push(
    *,
    space: Space,
    name: str,
    stream: IO[bytes],
    overwrite: Overwrite = Overwrite.FAIL,
    user: User | None = None,
    notes: str = "",
) -> Package:
    """Takes in a file that is named `Id.Version.ext`; whole and on the disk, or not at all.

    With `Overwrite.IGNORE` a package that is there already is given back as it is. Raises `BadPackage`,
    `AlreadyExists`, `files.TooLarge`, and `NotAllowed` where a user may push but not replace.
    """
    named = parse_file_name(name)
    feed = feeds.built_in(space)
    present = _find(feed, named)
    if present and not _may_replace(present, overwrite, user):
        return present
    stored = files.store(stream)
    try:
        return _keep(feed, named, stored, overwrite=overwrite, user=user, notes=notes)
    except BaseException:
        files.delete(stored.key)
        raise


def _may_replace(present: Package, overwrite: Overwrite, user: User | None) -> bool:
    """False: it stays as it is, and that is fine. Raises `AlreadyExists` and `NotAllowed`."""
    if overwrite is Overwrite.FAIL:
        raise AlreadyExists(present)
    if overwrite is Overwrite.REPLACE and user is not None:
        require(user, Permission.EDIT_FEED)
    return overwrite is Overwrite.REPLACE


def _find(feed: Feed, named: PackageName) -> Package | None:
    keys = {"id_key": named.package_id.lower(), "version_key": named.version.lower()}
    found: Package | None = feed.packages.filter(**keys).first()
    return found


def _keep(
    feed: Feed, named: PackageName, stored: StoredFile, *, overwrite: Overwrite, user: User | None, notes: str
) -> Package:
    if not stored.size:
        raise BadPackage(f"{named.file_name} is empty.")
    try:
        with transaction.atomic():
            return _create(feed, named, stored, user=user, notes=notes)
    except IntegrityError:
        present = _find(feed, named)
        if present is None:
            raise
    if not _may_replace(present, overwrite, user):
        files.delete(stored.key)
        return present
    return _replace(present, named, stored, user=user, notes=notes)


def _create(feed: Feed, named: PackageName, stored: StoredFile, *, user: User | None, notes: str) -> Package:
    package = Package(
        space=feed.space,
        feed=feed,
        id_key=named.package_id.lower(),
        version_key=named.version.lower(),
        sort_key=sort_key(named.version),
    )
    _fill(package, named, stored, user=user, notes=notes)
    package.save(force_insert=True)
    _record(package, user=user, category="Created", message=f"Pushed package {package}.")
    return package


@transaction.atomic
def _replace(
    present: Package, named: PackageName, stored: StoredFile, *, user: User | None, notes: str
) -> Package:
    """The row stays, and with it whatever refers to it."""
    package: Package = Package.objects.select_for_update().get(pk=present.pk)
    transaction.on_commit(partial(files.delete, package.file))
    _fill(package, named, stored, user=user, notes=notes)
    package.save()
    _record(package, user=user, category="Modified", message=f"Replaced package {package}.")
    return package


def _fill(package: Package, named: PackageName, stored: StoredFile, *, user: User | None, notes: str) -> None:
    package.package_id, package.version = named.package_id, named.version
    package.extension = named.extension
    package.file, package.size, package.sha256 = stored.key, stored.size, stored.sha256
    package.notes = notes
    package.published_at = timezone.now()
    package.published_by = user.username if user else "system"


@transaction.atomic
def delete(package: Package, *, user: User | None) -> None:
    """Raises `common.usage.InUse` with the releases and snapshots that were made with it."""
    key = package.file
    _record(package, user=user, category="Deleted", message=f"Deleted package {package}.")
    refuse_if_used(package)
    # What is left are holds of owners that nobody finds any more.
    package.uses.all().delete()
    delete_unused(package)
    transaction.on_commit(partial(files.delete, key))


def hold(packages: Iterable[Package], *, kind: OwnerKind, owner_id: int) -> None:
    """Somebody was made with these packages: they stay as long as the owner does."""
    uses = [PackageUse(package=package, owner_kind=kind, owner_id=owner_id) for package in packages]
    PackageUse.objects.bulk_create(uses, ignore_conflicts=True)


def let_go(*, kind: OwnerKind, owner_ids: Collection[int]) -> None:
    """The owners are gone."""
    PackageUse.objects.filter(owner_kind=kind, owner_id__in=owner_ids).delete()


def used(package: Package, *, now: datetime) -> None:
    """A run fetches it."""
    Package.objects.filter(pk=package.pk).update(used_at=now)


def _record(package: Package, *, user: User | None, category: str, message: str) -> None:
    details = {"sha256": package.sha256, "size": package.size}
    events.record(
        user=user, category=category, subject=package, message=message, space=package.space, details=details
    )
