"""What the agent and an attempt's shim know about an attempt, on disk, in one folder per attempt.

journal.json  written by the agent: the phase of the attempt; fsynced before anybody is told
shim.json     written by the shim: who it is, then the script's process
shim.lock     held (flock) by the shim until the end is written: its death cannot be missed or mistaken
spool         log chunks, see agent.spool
cancel.json   written by the agent: stop the script (an empty `cancel` where the disk is full)
exit.json     written once, by the shim, or by the agent while it holds the lock: how it ended
artifacts/    files that the script left, by their numbers, until the server has them
work/         the script's working folder

journal.json and shim.json grow by a line with each change; the last whole line counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from agent.files import append_json, make_private_directory, read_json, read_last_json, sync, write_json
from protocol import CANCEL_GRACE_SECONDS

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
    """The fields of a `Finished` frame; `outputs` and `artifacts` those of their values."""

    outcome: str
    exit_code: int | None
    signal: int | None
    message: str
    lines: int
    bytes: int
    sha256: str
    started: float | None
    ended: float
    outputs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)


T = TypeVar("T", Journal, ShimRecord, ExitRecord)
_NAMES = {cls: {item.name for item in fields(cls)} for cls in (Journal, ShimRecord, ExitRecord)}


#: Bytes that an end takes on the disk.
_ROOM = 4096


class AttemptFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        # Looked at many times in a short life, and a Path is slow to make.
        base = os.fspath(path)
        self._journal, self._shim = f"{base}/journal.json", f"{base}/shim.json"
        self._exit = f"{base}/exit.json"
        self._cancel, self._cancel_now = f"{base}/cancel.json", f"{base}/cancel"
        self.spool = path / "spool"
        self.lock = path / "shim.lock"
        self.work = path / "work"
        self.artifacts = path / "artifacts"
        self.errors = path / "shim.err"

    def create(self) -> None:
        make_private_directory(self.path)

    def read_journal(self) -> Journal | None:
        return _record(Journal, read_last_json(self._journal))

    def write_journal(self, record: Journal) -> None:
        """On disk when this returns. Raises OSError."""
        append_json(self._journal, vars(record), durable=True)

    def read_shim(self) -> ShimRecord | None:
        return _record(ShimRecord, read_last_json(self._shim))

    def write_shim(self, record: ShimRecord) -> None:
        # Not fsynced: it is asked for only while the machine stays up; see `Journal.boot_id`.
        append_json(self._shim, vars(record), durable=False)

    def read_exit(self) -> ExitRecord | None:
        return _record(ExitRecord, read_json(self._exit))

    def write_exit(self, record: ExitRecord, *, durable: bool) -> None:
        """Only with the lock held. `durable`: on disk when this returns. Raises OSError."""
        write_json(self._exit, vars(record), durable=durable)

    def sync_exit(self) -> None:
        """Bring an end, and the log before it, to the disk. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):  # a script that printed nothing has none
            sync(self.spool)
        sync(self._exit)
        sync(self.path)

    def check_room(self) -> None:
        """Raises OSError while nothing can be written."""
        path = self.path / ".room"
        try:
            path.write_bytes(bytes(_ROOM))
        finally:
            path.unlink(missing_ok=True)

    def read_cancel(self) -> float | None:
        """Seconds between TERM and KILL if the script is to be stopped."""
        data = read_json(self._cancel)
        if isinstance(data, dict) and "grace" in data:
            return float(data["grace"])
        return float(CANCEL_GRACE_SECONDS) if os.path.exists(self._cancel_now) else None  # noqa: PTH110

    def write_cancel(self, grace: float) -> None:
        """Raises OSError."""
        try:
            write_json(self._cancel, {"grace": grace}, durable=True)
        except OSError:
            # The script that fills the disk is the one to be stopped, and an empty file takes no room.
            Path(self._cancel_now).touch()

    def try_lock(self) -> int | None:
        """A descriptor that holds the attempt's lock, or None while a shim holds it."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


def _record(cls: type[T], data: Any) -> T | None:
    if not isinstance(data, dict):
        return None
    try:
        return cls(**{key: value for key, value in data.items() if key in _NAMES[cls]})
    except TypeError:
        return None
