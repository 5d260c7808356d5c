"""Puts a backup back; no server may run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from octoworkers.backup import archive, hold, make, marks
from octoworkers.backup.manifest import BadManifest, Manifest
from octoworkers.backup.refusal import CannotBackUp, CannotRestore
from octoworkers.backup.stores import Store, store
from octoworkers.launcher import lock
from tasks.models import Node
from tasks.selectors import nodes

UNTOUCHED = "Nothing was changed."


@dataclass(frozen=True)
class Restored:
    """`kept` is a backup of what was there before, where something was."""

    manifest: Manifest
    held: hold.Held
    kept: Path | None


def check(source: Path) -> Manifest:
    """Reads a backup to its end. Raises `CannotRestore` if it is not whole."""
    return _read(source, into=None)


def restore(source: Path, *, now: datetime, replace: bool = False) -> Restored:
    """Replaces database, files and keys of this installation. Raises `CannotRestore` and OSError."""
    home = Path(settings.HOME)
    _refuse_other_user(home)
    with lock.take(home), _folder(home) as folder:
        manifest = _read(source, into=folder)
        target = store()
        _refuse_unfit(manifest, target)
        is_empty = target.is_empty()
        if not is_empty and not replace:
            raise CannotRestore(
                f"This installation has a database already. With --replace the backup takes its place, and "
                f"a backup of what is there now is kept in {home}. {UNTOUCHED}"
            )
        with _claimed(target):
            if not is_empty:
                _refuse_running(now)
            kept = None if is_empty else _keep(home, now)
            held = _replace(manifest, folder, target, now=now)
    return Restored(manifest, held, kept)


def _refuse_other_user(home: Path) -> None:
    """What it writes would be unreadable for the server."""
    owner = home.stat().st_uid
    if owner != os.geteuid():
        raise CannotRestore(
            f"{home} belongs to another user than you: run this as the user that Octoworkers runs as "
            f"(number {owner}), for example with sudo -u. {UNTOUCHED}"
        )


@contextmanager
def _folder(home: Path) -> Iterator[Path]:
    """For what is in the backup, on the disk that it is meant for."""
    folder = Path(tempfile.mkdtemp(prefix=".restore-", dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _read(source: Path, *, into: Path | None) -> Manifest:
    try:
        return archive.read(source, into=into)
    except (archive.Damaged, BadManifest) as error:
        raise CannotRestore(f"{source} cannot be restored: {error} {UNTOUCHED}") from error


def _refuse_unfit(manifest: Manifest, target: Store) -> None:
    if manifest.engine != target.engine:
        raise CannotRestore(
            f"This backup is of a database of the kind {manifest.engine}, and DATABASE_URL names one of the "
            f"kind {target.engine}. {UNTOUCHED}"
        )
    known = (f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations)
    if unknown := manifest.unknown_migrations(known):
        raise CannotRestore(
            f"This backup is of a newer version ({manifest.version}; this is {settings.SERVER_VERSION}): its "
            f"database has changes that this one does not know, such as {unknown[-1]}. Install that version "
            f"first. {UNTOUCHED}"
        )
    if not manifest.keys.included and not manifest.keys.fit(make.key_marks(included=False)):
        raise CannotRestore(
            "This backup was made without keys, and is of an installation with other keys than "
            f"{_keys_path()}: put its keys.json there first. Without it no sensitive value can be read and "
            f"no agent comes back. {UNTOUCHED}"
        )


def _keys_path() -> Path:
    return Path(settings.HOME) / "keys.json"


@contextmanager
def _claimed(target: Store) -> Iterator[None]:
    """No server starts until everything is in place, or nothing is changed."""
    target.claim()
    try:
        yield
    finally:
        if not marks.is_there():
            target.unclaim()


def _refuse_running(now: datetime) -> None:
    """By what the nodes themselves last wrote."""
    if Node._meta.db_table not in connection.introspection.table_names():
        return
    names = list(nodes.live(now).values_list("name", flat=True))
    if names:
        raise CannotRestore(
            f"The node {names[0]} runs on this database: stop every node first. If it was killed, try again "
            f"in {nodes.LEASE.seconds} seconds. {UNTOUCHED}"
        )


def _keep(home: Path, now: datetime) -> Path:
    path = home / f"octoworkers-before-restore-{now:%Y%m%d-%H%M%S-%f}.tar.gz"
    try:
        make.backup(path, now=now)
    except CannotBackUp as error:
        raise CannotRestore(
            f"What is there now cannot be kept: {error} Move it out of the way yourself, and restore "
            "without --replace."
        ) from error
    return path


def _replace(manifest: Manifest, folder: Path, target: Store, *, now: datetime) -> hold.Held:
    """The database first: if that fails, everything is as it was."""
    held = _load(manifest, folder / target.member, target, now=now)
    _replace_media(folder / archive.MEDIA)
    _replace_keys(folder / archive.KEYS)
    marks.remove()
    return held


def _load(manifest: Manifest, copy: Path, target: Store, *, now: datetime) -> hold.Held:
    held: list[hold.Held] = []

    def finish() -> None:
        call_command("migrate", interactive=False, verbosity=0)
        held.append(hold.hold(made_at=manifest.made_at, now=now))

    was_broken_off = marks.is_there()
    marks.put()
    try:
        target.load(copy, finish=finish)
    except CannotRestore:
        if not was_broken_off:
            marks.remove()
        raise
    return held[0]


def _replace_media(fresh: Path) -> None:
    media = Path(settings.MEDIA_ROOT)
    if media.exists():
        shutil.rmtree(media)
    if fresh.exists():
        shutil.move(fresh, media)


def _replace_keys(fresh: Path) -> None:
    if not fresh.exists():
        return
    path = _keys_path()
    if path.exists() and path.read_bytes() != fresh.read_bytes():
        # Never the only copy of a key: it may belong to another backup.
        _link_aside(path)
    fresh.replace(path)


def _link_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    os.link(path, aside)
