"""Endings that the agent writes itself, for attempts that have no shim to write them.

Each is written with the attempt's lock held: no shim is alive then, and one that comes late finds the
exit record and does nothing. So an attempt has one ending, and a script runs at most once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from agent import containers, scripts
from agent.host import process_parent, process_start, strays
from agent.journal import AttemptFolder, ExitRecord, Journal, ShimRecord
from agent.spool import summarise

#: How often and how long it is looked whether something that was killed is gone.
_TRIES, _SECONDS = 40, 0.05


def conclude(folder: AttemptFolder, journal: Journal, *, boot_id: str, reason: str = "") -> ExitRecord | None:
    """The ending of an attempt that was told to start; None while its shim is alive.

    Without an exit record the outcome is `not_started` where that can be proved, else `unknown`.
    `reason` is why it could not be started, if that is known. Raises OSError.
    """
    lock = folder.try_lock()
    if lock is None:
        return None
    try:
        return folder.read_exit() or _without_shim(folder, journal, boot_id, reason)
    finally:
        os.close(lock)


def cancel_unstarted(folder: AttemptFolder) -> ExitRecord:
    """The ending of an attempt that was accepted and never told to start. Raises OSError."""
    lock = folder.try_lock()
    try:
        return _write(folder, "canceled", "Cancelled before the script started.", None)
    finally:
        if lock is not None:
            os.close(lock)


def abandon(folder: AttemptFolder, shim: ShimRecord, *, boot_id: str) -> ExitRecord:
    """The ending of a cancelled attempt whose shim does not answer: the script and it are killed.
    Raises OSError."""
    # A shim that only waits for room on the disk knows the end better.
    folder.check_room()
    killed = shim.boot_id == boot_id and process_start(shim.pid) == shim.start
    if killed:
        _kill_script(shim)
        _kill(shim.pid)
    lock = _wait_for_lock(folder)
    try:
        # Without the lock the shim hangs in the kernel, and never comes back from there: it has been killed.
        return folder.read_exit() or _write(folder, "abandoned", _left(shim, killed=killed), shim)
    finally:
        containers.kill(folder.path)
        scripts.discard(folder.path)
        containers.discard(folder.path)
        if lock is not None:
            os.close(lock)


def _kill_script(shim: ShimRecord) -> None:
    """The script's process, group and session, if they are its own still."""
    if shim.child is None or process_parent(shim.child) not in (shim.pid, None):
        return
    for pid in strays(shim.child):
        _kill(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(shim.child, signal.SIGKILL)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _wait_for_lock(folder: AttemptFolder) -> int | None:
    for _ in range(_TRIES):
        lock = folder.try_lock()
        if lock is not None:
            return lock
        time.sleep(_SECONDS)
    return None


def _left(shim: ShimRecord, *, killed: bool) -> str:
    parts = ["The process that watched the script did not answer the cancellation."]
    if killed:
        parts.append("It was killed, and the script with it.")
    if shim.child:
        there = _outlives(shim.child) if killed else process_start(shim.child) is not None
        parts.append(f"The script's process {shim.child} {'is still there' if there else 'is gone'}.")
    return " ".join(parts)


def _outlives(pid: int) -> bool:
    """Whether a process that was killed is still there. On a busy machine it takes a moment to die."""
    for _ in range(_TRIES):
        if process_start(pid) is None:
            return False
        time.sleep(_SECONDS)
    return True


def _without_shim(folder: AttemptFolder, journal: Journal, boot_id: str, reason: str) -> ExitRecord:
    shim = folder.read_shim()
    scripts.discard(folder.path)
    if shim is None and journal.boot_id == boot_id:
        # The shim writes its record before it starts anything, and the machine did not restart since.
        message = reason or "The process that was to start the script ended before it did."
        return _write(folder, "not_started", message, None)
    return _write(folder, "unknown", _evidence(shim, journal, boot_id), shim)


def _evidence(shim: ShimRecord | None, journal: Journal, boot_id: str) -> str:
    parts = ["The process that watched the script is gone without a word about its end."]
    if journal.boot_id != boot_id:
        parts.append("The machine was restarted since.")
    elif shim and shim.child:
        there = process_start(shim.child) is not None
        state = "is still there" if there else "is no longer there"
        parts.append(f"The script was process {shim.child}, which {state}.")
    if shim is None:
        parts.append("Whether the script was started is not known.")
    elif shim.child is None:
        parts.append("It was about to start the script.")
    return " ".join(parts)


def _write(folder: AttemptFolder, outcome: str, message: str, shim: ShimRecord | None) -> ExitRecord:
    lines, size, digest = summarise(folder.spool)
    if outcome == "unknown":
        message += f" Its log goes to line {lines}."
    record = ExitRecord(
        outcome=outcome,
        exit_code=None,
        signal=None,
        message=message,
        lines=lines,
        bytes=size,
        sha256=digest,
        started=shim.started if shim else None,
        ended=time.time(),
    )
    folder.write_exit(record, durable=True)
    return record
