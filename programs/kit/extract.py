"""Unpacks archives that somebody else made: nothing is written outside of the target, and nothing without
end.

Refused are absolute names, `..`, links, devices, names that come twice, too many entries, and content that
is out of proportion to the file. What was unpacked up to then is left in the target, which the caller made
for it and removes.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable
from urllib.parse import unquote

from programs.kit.given import Failed

_BLOCK = 1024 * 1024
#: The longest header that a tar has a use for; names and attributes are read in one piece.
_LONGEST_HEADER = 4 * _BLOCK
#: Bytes of a zip's list of entries, which is read into memory at once.
_LONGEST_DIRECTORY = 64 * _BLOCK
_END_OF_ZIP = b"PK\x05\x06"
#: What NuGet adds to what was packed.
_NUGET = re.compile(r"(_rels/|package/services/metadata/|\[Content_Types\]\.xml$)")

_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "tar": lambda file: file,
    "tar.gz": gzip.open,
    "tar.bz2": bz2.open,
    "tar.xz": lzma.open,
}
_SAME = {"tgz": "tar.gz", "tbz": "tar.bz2", "txz": "tar.xz"}
_ZIPS = ("zip", "nupkg", "jar", "war", "ear")
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError,
    NotImplementedError, RuntimeError, UnicodeDecodeError,
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """`ratio` is content to file, and counts from `small` bytes of content on."""

    entries: int = 200_000
    size: int = 20 * 1024**3
    ratio: int = 200
    small: int = 64 * 1024**2


class Extraction:
    """How much has come out of one archive."""

    def __init__(self, archive: Path, target: Path, limits: Limits) -> None:
        self._target = target
        self._limits = limits
        self._most = min(limits.size, max(limits.small, limits.ratio * archive.stat().st_size))
        self.entries = 0
        self.size = 0

    def count_entry(self) -> None:
        self.entries += 1
        if self.entries > self._limits.entries:
            raise Failed(f"The archive has more than {self._limits.entries:,} entries.")

    def count_bytes(self, size: int) -> None:
        self.size += size
        if self.size > self._most:
            raise Failed(
                f"The archive holds more than {self._most:,} bytes, which is more than is unpacked from a "
                "file of its size."
            )

    def folder(self, name: str, mode: int = 0) -> None:
        path = self._path(name)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod((mode & 0o755) | 0o700 if mode else 0o755)

    def file(self, name: str, content: IO[bytes], mode: int = 0, *, counted: bool = False) -> None:
        """`counted`: the bytes have been counted where they came from."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            raise Failed(f"The archive has {_shown(name)} twice.") from None
        with os.fdopen(descriptor, "wb") as file:
            while block := content.read(_BLOCK):
                if not counted:
                    self.count_bytes(len(block))
                file.write(block)
            os.fchmod(file.fileno(), (mode & 0o755) | 0o600 if mode else 0o644)

    def _path(self, name: str) -> Path:
        return self._target.joinpath(*safe_parts(name))


def safe_parts(name: str) -> list[str]:
    """The folders and the name of an entry. Raises `Failed` for one that leads out of the target."""
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or ".." in parts or "\0" in plain or not parts:
        raise Failed(f"The archive has an entry with the name {_shown(name)}, which is not unpacked.")
    return parts


def extract(archive: Path, target: Path, *, extension: str, limits: Limits = Limits()) -> Extraction:
    """Unpacks into `target`, which exists. Raises `Failed` and OSError."""
    extraction = Extraction(archive, target, limits)
    kind = _SAME.get(extension, extension)
    try:
        if kind in _ZIPS:
            _unzip(archive, extraction, is_nuget=kind == "nupkg")
        elif kind in _OPENERS:
            _untar(archive, extraction, _OPENERS[kind])
        else:
            raise Failed(f"This worker cannot unpack {extension} files.")
    except (*_BROKEN, OSError) as error:
        # A decompressor's complaint has no number; a full disk has.
        if getattr(error, "errno", None) is not None:
            raise
        raise Failed(f"The archive is damaged, or is no {extension} file: {error}.") from error
    return extraction


def _unzip(archive: Path, extraction: Extraction, *, is_nuget: bool) -> None:
    with archive.open("rb") as file:
        _check_directory(file)
        with zipfile.ZipFile(file) as opened:
            for info in opened.infolist():
                extraction.count_entry()
                name = unquote(info.filename) if is_nuget else info.filename
                if is_nuget and _NUGET.match(name):
                    continue
                _unzip_one(opened, info, name, extraction)


def _unzip_one(opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, extraction: Extraction) -> None:
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _special(name)
    if info.flag_bits & 0x1:
        raise Failed(f"The archive's entry {_shown(name)} is encrypted, which is not supported.")
    if info.is_dir() or name.endswith("\\"):
        extraction.folder(name, stat.S_IMODE(mode))
        return
    with opened.open(info) as content:
        extraction.file(name, content, stat.S_IMODE(mode))


def _check_directory(file: IO[bytes]) -> None:
    """Before the list of entries is read into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    place = tail.rfind(_END_OF_ZIP)
    announced = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
    if announced > _LONGEST_DIRECTORY:
        raise Failed("The archive has more entries than this worker unpacks.")
    file.seek(0)


class _Bounded:
    """What comes out of the decompressor, counted; a header that would fill the memory is refused."""

    def __init__(self, file: IO[bytes], extraction: Extraction) -> None:
        self._file = file
        self._extraction = extraction
        self._place = 0
        self._last = self._again = b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise Failed("The archive has a header of a size that makes no sense.")
        data, self._again = self._again[:size], self._again[size:]
        fresh = self._file.read(size - len(data))
        self._extraction.count_bytes(len(fresh))
        data += fresh
        self._place += len(data)
        self._last = data[-1:] or self._last
        return data

    def seek(self, offset: int) -> int:
        """Forwards, or back by one byte, which tarfile does between entries."""
        if offset == self._place - 1:
            self._again, self._place = self._last + self._again, offset
        while self._place < offset and self.read(min(_BLOCK, offset - self._place)):
            pass
        if self._place > offset:
            raise Failed("The archive is not in order.")
        return self._place

    def tell(self) -> int:
        return self._place


def _untar(archive: Path, extraction: Extraction, opener: Callable[[IO[bytes]], Any]) -> None:
    with archive.open("rb") as file, opener(file) as unpacked:
        bounded: Any = _Bounded(unpacked, extraction)
        with tarfile.open(fileobj=bounded, mode="r:") as opened:
            for member in _members(opened):
                extraction.count_entry()
                _untar_one(opened, member, extraction)


def _members(opened: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """One after the other, without keeping them all."""
    while member := opened.next():
        yield member
        opened.members = []  # type: ignore[attr-defined]


def _untar_one(opened: tarfile.TarFile, member: tarfile.TarInfo, extraction: Extraction) -> None:
    if member.isdir():
        if member.name.strip("./"):
            extraction.folder(member.name, stat.S_IMODE(member.mode))
        return
    content = opened.extractfile(member) if member.isreg() else None
    if content is None:
        raise _special(member.name)
    extraction.file(member.name, content, stat.S_IMODE(member.mode), counted=not member.issparse())


def _special(name: str) -> Failed:
    return Failed(f"The archive's entry {_shown(name)} is a link or a device, which is not unpacked.")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 200 else f"{name[:200]}...")
