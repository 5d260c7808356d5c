"""Keys of this installation: made on first start, kept in one 0600 file outside the database."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Keys:
    """`secret_key` signs sessions, `master_key` (32 bytes) seals sensitive values, `server_key`
    (32 bytes, an Ed25519 seed) proves this server to its agents."""

    secret_key: str
    master_key: bytes
    server_key: bytes


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
        data = json.loads(path.read_text())
        return Keys(
            secret_key=data["secret_key"],
            master_key=base64.b64decode(data["master_key"], validate=True),
            server_key=base64.b64decode(data["server_key"], validate=True),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{path} is damaged. Restore it from a backup: without it sensitive values cannot be read."
        ) from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = {
        "secret_key": secrets.token_urlsafe(50),
        "master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "server_key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    try:
        # Two processes may start at once: the first one's keys count.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
