"""Keeps the files that a script names as artifacts, as they are when it ends, until the server has them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agent.files import make_private_directory
from protocol.artifacts import MAX_ARTIFACT_BYTES, MAX_ARTIFACTS, BadArtifact, Wish, clean_name, parse
from protocol.frames import ArtifactFile
from protocol.masking import Masker, Patterns

_BLOCK = 256 * 1024
#: Bytes at the beginning of a file by which text is told from other things, as Git does.
_LOOK = 8000
#: Bytes that are left free on the disk: the log and the end of the attempt need room, too.
_SPARE = 64 * 1024 * 1024


class Artifacts:
    """Those of one attempt: `folder` is for the copies, a path of a script is one in `work`."""

    def __init__(
        self, folder: Path, *, work: Path, patterns: Patterns, limit: int = MAX_ARTIFACT_BYTES
    ) -> None:
        self._folder = folder
        self._work = work
        self._patterns = patterns
        self._room = limit
        self._wishes: dict[Wish, None] = {}
        self.kept: list[ArtifactFile] = []

    def wish(self, line: bytes) -> None:
        """Note what a message asks for. Raises `BadArtifact`."""
        wish = parse(line)
        if wish not in self._wishes and len(self._wishes) >= MAX_ARTIFACTS:
            raise BadArtifact(
                f"A step can leave at most {MAX_ARTIFACTS} artifacts: {wish.name} was not taken."
            )
        self._wishes[wish] = None

    def collect(self) -> list[str]:
        """Copy the files; what is to be said in the log."""
        remarks = []
        for wish in self._wishes:
            try:
                self.kept.append(self._keep(wish))
            except BadArtifact as error:
                remarks.append(str(error))
            except OSError as error:
                remarks.append(
                    f"The artifact {self._shown(wish)} could not be kept: {error.strerror or error}."
                )
        return remarks

    def _shown(self, wish: Wish) -> str:
        """The name without secrets: they come from the script, which has them."""
        masker = Masker(self._patterns)
        masked = masker.feed(wish.name.encode()) + masker.close()
        return clean_name(masked.decode(errors="replace"))

    def _keep(self, wish: Wish) -> ArtifactFile:
        name = self._shown(wish)
        # Nothing that blocks or never ends: a pipe, a device, a folder.
        descriptor = os.open(self._work / wish.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadArtifact(f"The artifact {name} was not taken: it is not a file.")
            self._check_room(name, found.st_size)
            return self._copy(source, name)

    def _check_room(self, name: str, size: int) -> None:
        if size > self._room:
            raise BadArtifact(f"The artifact {name} was not taken: the artifacts of this step are too large.")
        make_private_directory(self._folder)
        if shutil.disk_usage(self._folder).free < size + _SPARE:
            raise BadArtifact(f"The artifact {name} was not taken: the disk of this worker is full.")

    def _copy(self, source: IO[bytes], name: str) -> ArtifactFile:
        target = self._folder / str(len(self.kept))
        digest, size = hashlib.sha256(), 0
        try:
            with target.open("xb") as file:
                for block in self._masked(source):
                    size += len(block)
                    if size > self._room:
                        raise BadArtifact(f"The artifact {name} was not taken: it grew while it was read.")
                    digest.update(block)
                    file.write(block)
        except (OSError, BadArtifact):
            with contextlib.suppress(OSError):
                target.unlink()
            raise
        self._room -= size
        return ArtifactFile(name, size, digest.hexdigest())

    def _masked(self, source: IO[bytes]) -> Iterator[bytes]:
        """Text without its secrets; anything else as it is, because changing it would break it."""
        first = source.read(_BLOCK)
        if b"\0" in first[:_LOOK]:
            yield first
            yield from iter(lambda: source.read(_BLOCK), b"")
            return
        masker = Masker(self._patterns)
        while first:
            yield masker.feed(first)
            first = source.read(_BLOCK)
        yield masker.close()


@dataclass
class _Upload:
    """How far one artifact is: `sent` and `stored` in bytes."""

    number: int
    sent: int
    stored: int


class Uploads:
    """What the server has asked for of an attempt's artifacts on one connection."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._upload: _Upload | None = None

    def wanted(self, number: int, offset: int, *, resend: bool) -> None:
        """The server has so much of this one."""
        upload = self._upload
        if upload is None or upload.number != number or resend:
            self._upload = _Upload(number, offset, offset)
        else:
            upload.stored = max(upload.stored, offset)

    def next_part(
        self, files: list[ArtifactFile], *, window: int, size: int
    ) -> tuple[int, int, bytes] | None:
        """(number, offset, bytes) of what may be sent now. Raises OSError."""
        upload = self._upload
        if upload is None or upload.number >= len(files):
            return None
        left = files[upload.number].size - upload.sent
        if left <= 0 or upload.sent - upload.stored >= window * size:
            return None
        with (self._folder / str(upload.number)).open("rb") as file:
            data = os.pread(file.fileno(), min(size, left), upload.sent)
        if not data:
            raise OSError("The file is shorter than it was.")
        part = (upload.number, upload.sent, data)
        upload.sent += len(data)
        return part

    def give_up(self) -> tuple[int, int]:
        """Number and offset of what cannot be read; nothing more is sent of it."""
        upload = self._upload
        if upload is None:
            return 0, 0
        self._upload = None
        return upload.number, upload.sent
