"""The master keys that this process seals and reads with, as `keys.json` has them now."""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from octoworkers.conf import Keys, load_keys


class MasterKeys:
    """Looks at the file again when it has changed, so that a running server goes along with a rotation.

    A key that was there once is kept in memory until the process ends: a run that is under way may hold a
    value in its memory that was sealed with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._all: tuple[bytes, ...] = ()

    def current(self) -> bytes:
        """The key to seal with."""
        return self.all()[0]

    def all(self) -> tuple[bytes, ...]:
        """The key to seal with, and those that values may still be sealed with."""
        stamp = self._stamp()
        if stamp != self._seen or not self._all:
            self._read(stamp)
        return self._all

    def _read(self, stamp: tuple[int, int] | None) -> None:
        try:
            self._all = self._merged(load_keys(self._path))
        except ImproperlyConfigured:
            # Perhaps it is being copied here at this moment: what is known does, and it is read again.
            if not self._all:
                raise
        else:
            self._seen = stamp

    def _stamp(self) -> tuple[int, int] | None:
        """None where the file is gone: what is known goes on being used, and no new keys are made."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return self._seen
        return found.st_ino, found.st_mtime_ns

    def _merged(self, keys: Keys) -> tuple[bytes, ...]:
        following = (keys.next_master_key,) if keys.next_master_key else ()
        return tuple(dict.fromkeys((keys.master_key, *keys.former_master_keys, *following, *self._all)))
