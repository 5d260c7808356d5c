"""Endings that the agent writes itself, for attempts that have no shim to write them.

Each is written with the attempt's lock held: no shim is alive then, and one that comes late finds the
exit record and does nothing. So an attempt has one ending, and a script runs at most once.
"""

from __future__ import annotations

import os
import time

from agent import scripts
from agent.host import process_start
from agent.journal import AttemptFolder, ExitRecord, Journal, ShimRecord
from agent.spool import summarise


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
    folder.write_exit(record)
    return record
