"""Objects in Django's storage: files below MEDIA_ROOT, or a bucket that speaks S3.

Names are made by the server. An object never changes under its name; `put` again replaces it as a whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage

#: Folder below MEDIA_ROOT for what is not whole yet; a backup leaves it out.
INCOMING = ".incoming"
_BLOCK = 1024 * 1024


class ObjectGone(Exception):
    """The storage does not have the object, or not as long as it should be."""


@contextmanager
def incoming(key: str) -> Iterator[IO[bytes]]:
    """A temporary file to write an object to, for `put`; gone afterwards. One per key at a time."""
    folder = _incoming_folder()
    path = folder / key.replace("/", "-")
    try:
        with path.open("w+b") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def partial(key: str) -> Path:
    """Where an object is put together that comes in parts, until `put`; it outlives this process. Whatever
    is given up there is swept away after a while."""
    return _incoming_folder() / key.replace("/", "-")


def sweep_partial(*, older_than: float) -> None:
    """Removes what nobody has written to for so many seconds."""
    for path in _incoming_folder().iterdir():
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > older_than:
                path.unlink()


def _incoming_folder() -> Path:
    local = _local()
    root = Path(local.location) if local else Path(tempfile.gettempdir()) / "octoworkers"
    folder = root / INCOMING
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def put(name: str, file: IO[bytes]) -> int:
    """Stores what `incoming` gave as an object, durably: it is there when this returns, whole or not at all.
    Returns its size in bytes. Raises OSError and what the storage raises."""
    file.flush()
    local = _local()
    if local is None:
        file.seek(0)
        default_storage.save(name, File(file, name=name))
        return os.fstat(file.fileno()).st_size
    os.fsync(file.fileno())
    target = Path(local.path(name))
    _make_folder(target.parent, Path(local.location))
    os.link(file.name, temporary := target.with_name(f".{target.name}"))
    temporary.replace(target)
    _sync(target.parent)
    return os.fstat(file.fileno()).st_size


def _make_folder(folder: Path, root: Path) -> None:
    if folder.exists():
        return
    _make_folder(folder.parent, root)
    folder.mkdir(exist_ok=True, mode=0o700)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(name: str, offset: int, length: int) -> bytes:
    """The bytes there, fewer at the end. Raises `ObjectGone`, and what a bucket's client raises."""
    local = _local()
    if local is None:
        return _read_from_bucket(name, offset, length)
    try:
        with Path(local.path(name)).open("rb") as file:
            return os.pread(file.fileno(), length, offset)
    except FileNotFoundError as error:
        raise ObjectGone(f"{name} is not in the storage.") from error


def _read_from_bucket(name: str, offset: int, length: int) -> bytes:
    """Only the range; the storage's own file would fetch all of the object first."""
    if length <= 0:
        return b""
    storage: Any = default_storage
    try:
        key = storage._normalize_name(name)
        answer = storage.bucket.Object(key).get(Range=f"bytes={offset}-{offset + length - 1}")
        data: bytes = answer["Body"].read()
    except storage.connection.meta.client.exceptions.NoSuchKey as error:
        raise ObjectGone(f"{name} is not in the storage.") from error
    return data


def blocks(name: str, size: int, offset: int = 0) -> Iterator[bytes]:
    """Everything from `offset` on of an object of so many bytes. Raises `ObjectGone`."""
    while offset < size:
        data = read(name, offset, min(_BLOCK, size - offset))
        if not data:
            raise ObjectGone(f"{name} is shorter than it was.")
        offset += len(data)
        yield data


def delete(name: str) -> None:
    """One that is not there is deleted already."""
    with suppress(FileNotFoundError):
        default_storage.delete(name)


def has_room(needed: int) -> bool:
    """Whether a file of so many bytes would leave some of the disk free. A bucket has room."""
    local = _local()
    if local is None:
        return True
    folder = _incoming_folder()
    return shutil.disk_usage(folder).free > needed + 64 * _BLOCK


def _local() -> FileSystemStorage | None:
    # What `default_storage` stands for; itself it is only a proxy.
    storage = default_storage
    return storage if isinstance(storage, FileSystemStorage) else None
