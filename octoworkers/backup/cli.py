"""`octoworkers backup` and `octoworkers restore`, for the person at the terminal."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from octoworkers.launcher.children import say
from octoworkers.launcher.refusal import CannotStart

if TYPE_CHECKING:
    from octoworkers.backup.manifest import Manifest

COMMANDS = frozenset({"backup", "restore"})
_WITH_KEYS = (
    "It holds the keys of this installation: whoever has it can read every sensitive value. Keep it as you "
    "keep passwords, or use --without-keys and keep keys.json apart."
)
_WITHOUT_KEYS = "It holds no keys: without this installation's keys.json its sensitive values cannot be read."


def add_to(commands: Any) -> None:
    """`commands` is what `add_subparsers` gave."""
    backup = commands.add_parser("backup", help="database, logs, files and keys as one file; servers may run")
    backup.add_argument("file", type=Path, help="to write; in a folder it gets a name with the time")
    backup.add_argument("--without-keys", action="store_true", help="leave keys.json out")
    restore = commands.add_parser("restore", help="put a backup back; no server may run")
    restore.add_argument("file", type=Path, help="what octoworkers backup wrote")
    restore.add_argument(
        "--replace", action="store_true", help="instead of what is there, of which a backup is kept"
    )
    restore.add_argument("--check", action="store_true", help="only read it through, and say what it is")


def run(chosen: argparse.Namespace) -> int:
    """Raises `CannotStart` with a sentence; nothing half-made is left behind."""
    from octoworkers.launcher import prepare  # noqa: PLC0415  # settings create the keys of a new home

    signal.signal(signal.SIGTERM, _end)
    prepare.set_up_django()
    try:
        return _backup(chosen) if chosen.command == "backup" else _restore(chosen)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise CannotStart(f"{place}{error.strerror or error}.") from error


def _end(number: int, frame: FrameType | None) -> None:
    """As an exception, so that what was begun is tidied away."""
    sys.exit(128 + number)


def _reach() -> None:
    """A SQLite database need not be there; a PostgreSQL has to answer."""
    from django.db import connection  # noqa: PLC0415

    from octoworkers.launcher import checks  # noqa: PLC0415

    if connection.vendor != "sqlite":
        checks.database()


def _backup(chosen: argparse.Namespace) -> int:
    from octoworkers.backup import make  # noqa: PLC0415  # its models load after `set_up_django`

    _reach()
    now = datetime.now(tz=UTC)
    target: Path = chosen.file.absolute()
    if target.is_dir():
        target /= make.file_name(now)
    manifest = make.backup(target, now=now, with_keys=not chosen.without_keys)
    say(f"{target}: {_size(target.stat().st_size)}. {_described(manifest)}")
    say(_WITHOUT_KEYS if chosen.without_keys else _WITH_KEYS)
    return 0


def _restore(chosen: argparse.Namespace) -> int:
    from octoworkers.backup import restore  # noqa: PLC0415

    if chosen.check:
        say(f"{chosen.file} is whole. {_described(restore.check(chosen.file))}")
        return 0
    _reach()
    done = restore.restore(chosen.file, now=datetime.now(tz=UTC), replace=chosen.replace)
    say(f"Restored. {_described(done.manifest)}")
    if done.kept:
        say(f"What was there before is in {done.kept}.")
    say(
        "Everything is paused, because runs may have gone on after the backup was made: in it "
        f"{done.held.queued} were queued and {done.held.active} under way. Start the server, look through "
        "the queue, cancel what has run since, then resume."
    )
    return 0


def _described(manifest: Manifest) -> str:
    files = sum(member.name.startswith("media/") for member in manifest.members)
    keys = "with keys" if manifest.keys.included else "without keys"
    return (
        f"Backup of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC by Octoworkers {manifest.version}: "
        f"{_KINDS.get(manifest.engine, manifest.engine)} database, {files} files, {keys}."
    )


_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"
