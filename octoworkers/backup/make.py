"""Makes a backup; servers may run."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from octoworkers.backup import archive
from octoworkers.backup.manifest import KeyMarks, Manifest
from octoworkers.backup.refusal import CannotBackUp
from octoworkers.backup.stores import Store, store


def file_name(now: datetime) -> str:
    """For a backup that is to be named by its time."""
    return f"octoworkers-{now:%Y%m%d-%H%M%S}.tar.gz"


def backup(target: Path, *, now: datetime, with_keys: bool = True) -> Manifest:
    """Writes the file, or nothing. Raises `CannotBackUp` and OSError."""
    if target.exists():
        raise CannotBackUp(f"{target} is there already. Nothing was written.")
    source = store()
    manifest = _describe(source, now=now, with_keys=with_keys)
    # Beside the backup, where there has to be room anyway.
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        copy = folder / source.member
        # First: a file is there before its row is, so that whatever the rows name comes after.
        source.dump(copy)
        return archive.write(target, _files(source.member, copy, with_keys=with_keys), manifest)
    finally:
        shutil.rmtree(folder)


def key_marks(*, included: bool) -> KeyMarks:
    """Check sums of the keys of this installation; from 32 random bytes they give nothing away."""
    return KeyMarks(
        included, _mark(b"master", settings.MASTER_KEYS.current()), _mark(b"server", settings.SERVER_KEY)
    )


def _mark(purpose: bytes, key: bytes) -> str:
    return hashlib.sha256(b"octoworkers backup " + purpose + b"\0" + key).hexdigest()


def _describe(source: Store, *, now: datetime, with_keys: bool) -> Manifest:
    applied = {} if source.is_empty() else MigrationRecorder(connection).applied_migrations()
    if not applied:
        raise CannotBackUp("There is nothing to back up: the database is empty.")
    return Manifest(
        version=settings.SERVER_VERSION,
        made_at=now,
        engine=source.engine,
        migrations=tuple(sorted(f"{app}.{name}" for app, name in applied)),
        keys=key_marks(included=with_keys),
    )


def _files(member: str, copy: Path, *, with_keys: bool) -> Iterator[tuple[str, Path]]:
    yield member, copy
    if with_keys:
        yield archive.KEYS, Path(settings.HOME) / "keys.json"
    media = Path(settings.MEDIA_ROOT)
    for path in sorted(media.rglob("*")):
        # What begins with a dot is not whole yet.
        is_whole = not any(part.startswith(".") for part in path.relative_to(media).parts)
        if is_whole and path.is_file() and not path.is_symlink():
            yield f"{archive.MEDIA}/{path.relative_to(media).as_posix()}", path
