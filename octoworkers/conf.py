"""Keys of this installation: made on first start, kept in one 0600 file outside the database."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32


@dataclass(frozen=True)
class Keys:
    """`secret_key` signs sessions, `master_key` (32 bytes) seals sensitive values, `server_key`
    (32 bytes, an Ed25519 seed) proves this server to its agents.

    While the master key rotates, `former_master_keys` and `next_master_key` are read with too. `rotated_at`
    is the Unix time at which the master key took over. `first_mark` is a check sum of the first master key:
    it stays, and tells nodes of one installation.
    """

    secret_key: str
    master_key: bytes
    server_key: bytes
    former_master_keys: tuple[bytes, ...] = ()
    next_master_key: bytes | None = None
    rotated_at: float = 0.0
    first_mark: str = ""

    @property
    def mark(self) -> str:
        return self.first_mark or hashlib.sha256(b"octoworkers first key\0" + self.master_key).hexdigest()


def load_keys(path: Path) -> Keys:
    """The keys in `path`, which is created if it is missing. Raises ImproperlyConfigured if it
    cannot be read or if others may read it."""
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(
            f"{path} can be read by other users. It holds the keys of this installation: run chmod 600 on it."
        )
    try:
        return _parsed(json.loads(path.read_text()))
    except (KeyError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{path} is damaged. Restore it from a backup: without it sensitive values cannot be read."
        ) from error


def _parsed(data: Any) -> Keys:
    secret_key, master_key, server_key = data["secret_key"], data["master_key"], data["server_key"]
    following = data.get("next_master_key")
    return Keys(
        secret_key=secret_key,
        master_key=_key(master_key),
        server_key=_key(server_key),
        former_master_keys=tuple(map(_key, data.get("former_master_keys", ()))),
        next_master_key=_key(following) if following else None,
        rotated_at=float(data.get("rotated_at", 0)),
        first_mark=data.get("first_mark", ""),
    )


def _key(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def save_keys(path: Path, keys: Keys) -> None:
    """Replace the file in one step: whoever reads it, or cuts the power, finds the old one or the new one.
    Raises OSError."""
    temporary = _written(path, keys)
    temporary.replace(path)
    _sync_folder(path.parent)


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = Keys(secrets.token_urlsafe(50), secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
    temporary = _written(path, fresh)
    try:
        # Two processes may start at once: the first one's keys count.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _written(path: Path, keys: Keys) -> Path:
    """The keys in a file beside `path`, on the disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(_data(keys), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _data(keys: Keys) -> dict[str, Any]:
    data: dict[str, Any] = {
        "secret_key": keys.secret_key,
        "master_key": _text(keys.master_key),
        "server_key": _text(keys.server_key),
    }
    if keys.former_master_keys:
        data["former_master_keys"] = [_text(key) for key in keys.former_master_keys]
    if keys.next_master_key:
        data["next_master_key"] = _text(keys.next_master_key)
    if keys.first_mark:
        data |= {"first_mark": keys.first_mark, "rotated_at": keys.rotated_at}
    return data


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
