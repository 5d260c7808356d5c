"""Files that survive a crash, and folders that go away whatever a script left in them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any, Union

#: A path in either form: a step is made of dozens of small files, and a `Path` is slow to make.
Name = Union[str, Path]


def write_atomic(path: Name, data: bytes, *, durable: bool, mode: int = 0o600) -> None:
    """Replace a file at once; `durable`: also on the disk when this returns. Raises OSError."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")  # noqa: PTH118 - see Name
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, path)  # noqa: PTH105 - see Name
    if durable:
        sync(folder)


def write_json(path: Name, value: Any, *, durable: bool) -> None:
    write_atomic(path, json.dumps(value).encode(), durable=durable)


def append_json(path: Name, value: Any, *, durable: bool) -> None:
    """Add a value to a file of which the last whole one counts; see `read_last_json`. Raises OSError.

    One fsync is enough, also of a new file: the file systems in use bring its name along with its content.
    """
    # The line feed ahead ends what an earlier try may have left half written.
    data = b"\n" + json.dumps(value).encode() + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_last_json(path: Name) -> Any:
    """The last whole value in a file of `append_json`; None if there is none."""
    try:
        lines = _read(path).split(b"\n")
    except OSError:
        return None
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            return json.loads(line)
    return None


def _read(path: Name) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - see Name
        return file.read()


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_json(path: Name) -> Any:
    """The value in a JSON file, or None if there is none or it is not whole."""
    try:
        return json.loads(_read(path))
    except (OSError, ValueError):
        return None


def sync(path: Name) -> None:
    """Bring a file's content, or a folder's names, to the disk. Raises OSError."""
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
    # Nearly always there is nothing odd in it.
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
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
