"""The file: a gzipped tar with the manifest as its last member, so that one that was broken off has none."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

from octoworkers.backup.manifest import Manifest, Member

MANIFEST = "manifest.json"
KEYS = "keys.json"
MEDIA = "media"
#: Logs and PostgreSQL's dumps are compressed already: more effort costs time and saves little.
_LEVEL = 1
_BLOCK = 1024 * 1024
_LONGEST_MANIFEST = 64 * 1024 * 1024


class Damaged(Exception):
    """The file is not whole, or not a backup; the text says what is wrong with it."""


class _Hashing(io.RawIOBase):
    """Reads a file and sums up what has been read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def write(path: Path, files: Iterable[tuple[str, Path]], manifest: Manifest) -> Manifest:
    """Makes the file, readable by its owner only: whole and on the disk under its name, or not at all.
    Gives the manifest with its members. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            whole = _write_members(file, files, manifest)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return whole


def _write_members(file: IO[bytes], files: Iterable[tuple[str, Path]], manifest: Manifest) -> Manifest:
    with (
        gzip.GzipFile(fileobj=file, filename="", mode="wb", compresslevel=_LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        members = tuple(filter(None, (_add(tar, name, source) for name, source in files)))
        whole = replace(manifest, members=members)
        text = whole.to_json()
        tar.addfile(_header(MANIFEST, len(text)), io.BytesIO(text))
    return whole


def _add(tar: tarfile.TarFile, name: str, source: Path) -> Member | None:
    """None for a file of the storage that was removed meanwhile, as retention does while servers run."""
    try:
        opened = source.open("rb")
    except FileNotFoundError:
        if name.startswith(f"{MEDIA}/"):
            return None
        raise
    with opened as file:
        size = os.fstat(file.fileno()).st_size
        reader = _Hashing(file)
        tar.addfile(_header(name, size), reader)
    return Member(name, size, reader.digest.hexdigest())


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path, *, into: Path | None = None) -> Manifest:
    """Reads the file to its end and compares each member with the manifest; with `into`, an empty folder,
    also unpacks it there. Raises `Damaged`, `BadManifest` and OSError."""
    found: list[Member] = []
    manifest: Manifest | None = None
    with _opened(path) as tar:
        for header in tar:
            content = tar.extractfile(header) if header.isfile() else None
            if content is None or manifest is not None:
                raise Damaged(f"{header.name} does not belong into a backup.")
            if header.name == MANIFEST:
                manifest = Manifest.from_json(content.read(_LONGEST_MANIFEST))
            else:
                found.append(_unpack(header.name, content, into))
    if manifest is None:
        raise Damaged("It ends before its end.")
    _compare(manifest.members, found)
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with gzip.open(path) as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield tar
            # Only at its very end does gzip compare its check sum.
            while packed.read(_BLOCK):
                pass
    except (gzip.BadGzipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise Damaged(f"It cannot be read to its end ({error}).") from error


def _unpack(name: str, content: IO[bytes], into: Path | None) -> Member:
    digest, size = hashlib.sha256(), 0
    with _destination(name, into) as file:
        while block := content.read(_BLOCK):
            digest.update(block)
            size += len(block)
            file.write(block)
    return Member(name, size, digest.hexdigest())


def _destination(name: str, into: Path | None) -> IO[bytes]:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name:
        raise Damaged(f"{name} is not a name that a backup gives.")
    if into is None:
        return Path(os.devnull).open("wb")
    target = into.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb")


def _compare(announced: Iterable[Member], found: Iterable[Member]) -> None:
    wanted, there = {one.name: one for one in announced}, {one.name: one for one in found}
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            raise Damaged(f"{name} is not what was backed up: its check sum differs, or it is missing.")
