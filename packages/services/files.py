"""The files of packages, in Django's storage under names that only this server makes."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

FOLDER = "packages"
_BLOCK = 1024 * 1024


class TooLarge(Exception):
    """The text names the limit, to a person."""


@dataclass(frozen=True)
class StoredFile:
    """`key` is its name in the storage, `size` is in bytes, `sha256` in hex."""

    key: str
    size: int
    sha256: str


def storage() -> Storage:
    return storages["default"]


class _Measured(File):  # type: ignore[type-arg]  # generic for type checkers only
    """Passes a stream on in blocks, and sums up what has passed."""

    def __init__(self, stream: IO[bytes], *, limit: int) -> None:
        super().__init__(stream, name="package")
        self._limit = limit
        self.total = 0
        self.digest = hashlib.sha256()

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        source: Any = self.file
        while block := source.read(_BLOCK):
            self.total += len(block)
            if self.total > self._limit:
                raise TooLarge(
                    f"The file is larger than {self._limit / 1_000_000:,.0f} MB, which is the limit of this "
                    "server. OCTOWORKERS_PACKAGE_MAX_MB raises it."
                )
            self.digest.update(block)
            yield block


def store(stream: IO[bytes]) -> StoredFile:
    """Keeps what the stream still holds; it is on the disk when this returns. Raises `TooLarge` and
    OSError, and then nothing is kept."""
    measured = _Measured(stream, limit=settings.PACKAGE_MAX_BYTES)
    wanted = f"{FOLDER}/{secrets.token_hex(20)}"
    try:
        key = storage().save(wanted, measured)
        _sync(key)
    except BaseException:
        delete(wanted)
        raise
    return StoredFile(key, measured.total, measured.digest.hexdigest())


def opened(key: str) -> File[bytes]:
    """Raises FileNotFoundError."""
    return storage().open(key, "rb")


def delete(key: str) -> None:
    """A file that is gone already is no fault."""
    with suppress(FileNotFoundError):
        storage().delete(key)


def abandoned(known: set[str], *, before: datetime) -> Iterator[str]:
    """Files that no row names, such as those whose push was killed half-way; younger ones may be waiting
    for their row."""
    try:
        _, names = storage().listdir(FOLDER)
    except FileNotFoundError:
        return
    for name in names:
        key = f"{FOLDER}/{name}"
        if key not in known and storage().get_modified_time(key) < before:
            yield key


def _sync(key: str) -> None:
    """Onto the disk, where the storage is a folder; others answer when they have it."""
    try:
        path = Path(storage().path(key))
    except NotImplementedError:
        return
    for one in (path, path.parent, path.parent.parent):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
