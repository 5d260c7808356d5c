"""What the agent and an attempt's shim know about an attempt, on disk, in one folder per attempt.

journal.json  written by the agent: the phase of the attempt; fsynced before anybody is told
shim.json     written by the shim: who it is, then the script's process
shim.lock     held (flock) by the shim as long as it lives: its death cannot be missed or mistaken
spool         log chunks, see agent.spool
cancel.json   written by the agent: stop the script
exit.json     written once, by the shim, or by the agent while it holds the lock: how it ended
work/         the script's working folder
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from agent.files import make_private_directory, read_json, sync_directory, write_json

ACCEPTED = "accepted"
STARTING = "starting"
RUNNING = "running"
FINISHED = "finished"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Journal:
    """Nothing secret. `phase` is accepted or starting; `time` in seconds since the epoch."""

    attempt_id: str
    epoch: int
    task_id: int
    step: str
    phase: str
    boot_id: str
    time: float


@dataclass(frozen=True)
class ShimRecord:
    """`pid` and `start` identify the shim; `child` and `started` the script once it runs."""

    pid: int
    start: str | None
    boot_id: str
    child: int | None = None
    started: float | None = None


@dataclass(frozen=True)
class ExitRecord:
    """The fields of a `Finished` frame."""

    outcome: str
    exit_code: int | None
    signal: int | None
    message: str
    lines: int
    bytes: int
    sha256: str
    started: float | None
    ended: float


T = TypeVar("T", Journal, ShimRecord, ExitRecord)


class AttemptFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.spool = path / "spool"
        self.lock = path / "shim.lock"
        self.work = path / "work"

    def create(self) -> None:
        make_private_directory(self.path)
        sync_directory(self.path.parent)

    def read_journal(self) -> Journal | None:
        return self._read(Journal, "journal.json")

    def write_journal(self, record: Journal) -> None:
        """On disk when this returns. Raises OSError."""
        write_json(self.path / "journal.json", asdict(record), durable=True)

    def read_shim(self) -> ShimRecord | None:
        return self._read(ShimRecord, "shim.json")

    def write_shim(self, record: ShimRecord) -> None:
        # Not fsynced: it is asked for only while the machine stays up; see `Journal.boot_id`.
        write_json(self.path / "shim.json", asdict(record), durable=False)

    def read_exit(self) -> ExitRecord | None:
        return self._read(ExitRecord, "exit.json")

    def write_exit(self, record: ExitRecord) -> None:
        """Only with the lock held. On disk when this returns. Raises OSError."""
        write_json(self.path / "exit.json", asdict(record), durable=True)

    def read_cancel(self) -> float | None:
        """Seconds between TERM and KILL if the script is to be stopped."""
        data = read_json(self.path / "cancel.json")
        return float(data["grace"]) if isinstance(data, dict) and "grace" in data else None

    def write_cancel(self, grace: float) -> None:
        write_json(self.path / "cancel.json", {"grace": grace}, durable=True)

    def try_lock(self) -> int | None:
        """A descriptor that holds the attempt's lock, or None while a shim holds it."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _read(self, cls: type[T], name: str) -> T | None:
        data: Any = read_json(self.path / name)
        if not isinstance(data, dict):
            return None
        names = {item.name for item in fields(cls)}
        try:
            return cls(**{key: value for key, value in data.items() if key in names})
        except TypeError:
            return None
