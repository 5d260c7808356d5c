"""Gets packages onto this machine: fetched once, checked each time, kept for the next step.

The cache is `packages/` in the agent's folder. A file there is named by its content; whoever uses one
holds a shared lock on it, whoever fetches or removes it an exclusive one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from programs.kit import say
from programs.kit.given import Failed, Given

_BLOCK = 1024 * 1024
_TIMEOUT = 60.0
#: Seconds before each further try.
_PAUSES = (1, 2, 4, 8, 15)
#: Bytes that stay free beside a package.
_SPARE = 64 * 1024 * 1024
_LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class Package:
    """What the server says of a package. `path` is an address below the server's, `token` allows this
    attempt to fetch it; `sha256` in hex, `size` in bytes."""

    name: str
    package_id: str
    version: str
    file_name: str
    extension: str
    sha256: str
    size: int
    path: str
    token: str
    extract: bool
    acquired: bool

    @property
    def label(self) -> str:
        return f"{self.package_id} {self.version}"


def packages_of(given: Given) -> list[Package]:
    """The packages that the step refers to; the one without a name is the step's own."""
    return [Package(**one) for one in json.loads(given.text("packages", "[]"))]


class Cache:
    """`most` bytes are kept, if what is in use allows it."""

    def __init__(self, home: Path, *, most: int, server: str = "") -> None:
        self.folder = home / "packages"
        self._home = home
        self._most = most
        self._server = server
        self._held: dict[Path, int] = {}

    @classmethod
    def of(cls, given: Given) -> Cache:
        return cls(given.home, most=given.number("package_cache_mb", 10_000) * 1_000_000)

    def get(self, package: Package) -> Path:
        """The file of a package, which stays until `close`, or the end of this process. Raises `Failed`."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / package.sha256
        lock = self._lock(path, fcntl.LOCK_SH, package)
        if not self._is_whole(path, package):
            lock = self._lock(path, fcntl.LOCK_EX, package)
            try:
                if not self._is_whole(path, package):
                    self._fetch(path, package)
            except BaseException:
                self._unlock(path)
                raise
            fcntl.flock(lock, fcntl.LOCK_SH)
        with contextlib.suppress(OSError):
            os.utime(path)
        self._make_room()
        return path

    def close(self) -> None:
        """What it gave may be removed from now on."""
        for path in list(self._held):
            self._unlock(path)

    def _lock(self, path: Path, kind: int, package: Package) -> int:
        """Instead of the one that this process has: it would wait for itself."""
        self._unlock(path)
        self._held[path] = _locked(path.with_name(f"{path.name}.lock"), kind, package)
        return self._held[path]

    def _unlock(self, path: Path) -> None:
        if path in self._held:
            os.close(self._held.pop(path))

    def _is_whole(self, path: Path, package: Package) -> bool:
        try:
            if path.stat().st_size != package.size:
                return False
        except FileNotFoundError:
            return False
        if _digest(path) == package.sha256:
            say.verbose(f"{package.label} is on this machine already.")
            return True
        say.warning(f"The copy of {package.label} on this machine was changed, and is fetched again.")
        return False

    def _fetch(self, path: Path, package: Package) -> None:
        part = path.with_name(f"{path.name}.part")
        self._check_room(part, package)
        started = time.monotonic()
        for again in (True, False):
            self._download(part, package)
            if part.stat().st_size == package.size and _digest(part) == package.sha256:
                break
            part.unlink()
            if not again:
                raise Failed(
                    f"{package.label} arrived twice with another check sum than the server has for it "
                    f"({package.sha256}). Push the package again, or look for what changes it on the way."
                )
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        say.info(f"Fetched {package.label}: {package.size:,} bytes in {time.monotonic() - started:.1f} s.")

    def _check_room(self, part: Path, package: Package) -> None:
        there = part.stat().st_size if part.exists() else 0
        missing = package.size - there + _SPARE - shutil.disk_usage(self.folder).free
        if missing > 0:
            self._make_room(extra=missing)
        if package.size - there + _SPARE > shutil.disk_usage(self.folder).free:
            raise Failed(
                f"There is no room for {package.label} ({package.size:,} bytes) on the disk of {self.folder}."
            )

    def _download(self, part: Path, package: Package) -> None:
        for pause in (*_PAUSES, None):
            try:
                self._continue(part, package)
            except (OSError, http.client.HTTPException) as error:
                if pause is None:
                    raise Failed(f"{package.label} could not be fetched: {error}.") from error
                say.verbose(f"Fetching {package.label} broke off ({error}); going on in {pause} s.")
                time.sleep(pause)
            else:
                return

    def _continue(self, part: Path, package: Package) -> None:
        """From where it broke off. Raises `Failed` where another try is of no use."""
        with part.open("ab") as file:
            there = file.tell()
            if there > package.size:
                file.truncate(there := 0)
            if there == package.size:
                return
            with self._open(package, offset=there) as answer:
                if answer.status != 206:
                    file.truncate(0)
                    there = 0
                _copy(answer, file, most=package.size - there)

    def _open(self, package: Package, *, offset: int) -> Any:
        request = urllib.request.Request(f"{self._address()}{package.path}")  # noqa: S310 - the agent's own server
        request.add_header("Authorization", f"Bearer {package.token}")
        if offset:
            request.add_header("Range", f"bytes={offset}-")
        try:
            return _OPENER.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code >= 500 or error.code == 429:
                raise
            raise Failed(f"The server does not give {package.label}: {_message(error)}") from error

    def _address(self) -> str:
        if not self._server:
            self._server = json.loads((self._home / "agent.json").read_bytes())["server"]
        if urlsplit(self._server).scheme not in ("http", "https"):
            raise Failed("The agent's server has an address that packages cannot be fetched from.")
        return self._server

    def _make_room(self, *, extra: int = 0) -> None:
        """Removes what was not used for the longest time, unless somebody uses it now."""
        found = [(one.stat(), one) for one in self._files()]
        total = sum(state.st_size for state, _ in found) + extra
        for state, path in sorted(found, key=lambda one: one[0].st_mtime):
            if total <= self._most and not extra:
                return
            if self._remove(path):
                total -= state.st_size
                extra = max(0, extra - state.st_size)

    def _files(self) -> Iterator[Path]:
        for path in self.folder.iterdir():
            if not path.name.endswith(".lock"):
                yield path

    def _remove(self, path: Path) -> bool:
        lock_path = self.folder / f"{path.name.split('.')[0]}.lock"
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            path.unlink(missing_ok=True)
            lock_path.unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is for the agent's own server, and for nobody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _locked(path: Path, kind: int, package: Package) -> int:
    """A descriptor with the lock, on the file that has this name now: it may have been removed while
    somebody waited."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError:
            say.info(f"Another step on this machine is fetching {package.label}; waiting for it.")
            fcntl.flock(descriptor, kind)
        if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)


def _copy(answer: IO[bytes], file: IO[bytes], *, most: int) -> None:
    while most > 0 and (block := answer.read(min(_BLOCK, most))):
        file.write(block)
        most -= len(block)
    if most:
        raise OSError("the connection ended early")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _message(error: urllib.error.HTTPError) -> str:
    text = error.read(_LONGEST_MESSAGE)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["error"]["message"])
    return f"HTTP status {error.code}."
