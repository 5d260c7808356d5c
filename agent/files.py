"""Files that survive a crash, and folders that go away whatever a script left in them."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any


def write_atomic(path: Path, data: bytes, *, durable: bool, mode: int = 0o600) -> None:
    """Replace a file at once; `durable`: also on the disk when this returns. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)


def write_json(path: Path, value: Any, *, durable: bool) -> None:
    write_atomic(path, json.dumps(value).encode(), durable=durable)


def read_json(path: Path) -> Any:
    """The value in a JSON file, or None if there is none or it is not whole."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder with read-only folders and links in it; links are removed, never followed."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    _make_writable(path)
    for folder, folders, _ in os.walk(path):
        for name in folders:
            _make_writable(Path(folder, name))
    shutil.rmtree(path, ignore_errors=True)


def _make_writable(path: Path) -> None:
    try:
        if not path.is_symlink():
            path.chmod(stat.S_IRWXU)
    except OSError:
        return
