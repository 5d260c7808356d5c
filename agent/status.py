"""The agent's status file, and what `octoworker status` makes of it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from agent.config import AlreadyRunning, Home, Registration
from agent.files import read_json, write_json
from agent.journal import AttemptFolder
from agent.spool import count_lines
from agent.workspace import is_attempt_id


@dataclass(frozen=True)
class Status:
    """`since` in seconds since the epoch; `message` says why it is not connected, `retry` after how many
    seconds that is tried again if it will not pass by itself."""

    connected: bool
    since: float
    message: str
    retry: float = 0.0

    def save(self, home: Home) -> None:
        write_json(home.status, asdict(self), durable=False)


@contextmanager
def lock(home: Home) -> Iterator[None]:
    """Keeps the home to this process meanwhile. Raises `AlreadyRunning` and OSError."""
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, home)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, home: Home) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(f"An octoworker already runs in {home.path}. Stop it first.") from None


def is_running(home: Home) -> bool:
    try:
        with lock(home):
            return False
    except AlreadyRunning:
        return True


def is_connected(home: Home) -> bool:
    data = read_json(home.status)
    return is_running(home) and isinstance(data, dict) and bool(data.get("connected"))


def describe(home: Home, registration: Registration) -> list[str]:
    """Lines for a person."""
    lines = [
        f"Worker      {registration.name}",
        f"Server      {registration.server}",
        f"Home        {home.path}",
    ]
    lines.append(f"Connection  {_connection(home)}")
    held = held_attempts(home)
    lines.append(f"Attempts    {len(held)} held" if held else "Attempts    none held")
    return lines + [f"  {line}" for line in held]


def held_attempts(home: Home) -> list[str]:
    if not home.attempts.is_dir():
        return []
    folders = [AttemptFolder(path) for path in sorted(home.attempts.iterdir()) if is_attempt_id(path.name)]
    return [line for line in map(_attempt, folders) if line]


def _connection(home: Home) -> str:
    if not is_running(home):
        return "octoworker is not running"
    data = read_json(home.status)
    if not isinstance(data, dict):
        return "starting"
    minutes = int((time.time() - data["since"]) / 60)
    if data["connected"]:
        return f"connected for {minutes} min"
    retry = f" Tried again every {data['retry']:.0f} s." if data.get("retry") else ""
    return f"not connected for {minutes} min: {data['message']}{retry}"


def _attempt(folder: AttemptFolder) -> str:
    journal = folder.read_journal()
    if journal is None:
        return ""
    ending = folder.read_exit()
    state = ending.outcome if ending else journal.phase
    return f"task {journal.task_id}, {journal.step}: {state}, {count_lines(folder.spool)} lines of log"
