"""What the disk has damaged of a log is cut off, and said: it must not keep a run from ending."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from agent.journal import AttemptFolder, ExitRecord
from agent.spool import SpoolWriter, cut, summarise
from protocol import log
from protocol.log import Level, Run, Stream


def mend(folder: AttemptFolder, record: ExitRecord) -> ExitRecord:
    """The record of an end whose log may be damaged, as it is true now. Raises OSError."""
    lines, _, _ = summarise(folder.spool)
    lock = folder.try_lock() if lines < record.lines else None
    if lock is None:
        return record
    try:
        cut(folder.spool, lines)
        _say(folder, lines, record.lines - lines)
        lines, size, digest = summarise(folder.spool)
        mended = replace(record, lines=lines, bytes=size, sha256=digest)
        folder.write_exit(mended, durable=True)
    finally:
        os.close(lock)
    return mended


def _say(folder: AttemptFolder, at: int, missing: int) -> None:
    text = f"The disk of this worker has damaged the log: {missing:,} lines are missing here.\n"
    run = Run(int(time.time() * 1000), Stream.AGENT, Level.ERROR, text.encode())
    spool = SpoolWriter(folder.spool)
    try:
        spool.append(log.pack(at, [run]))
        if spool.blocked:
            raise OSError(f"There is no room for the log in {folder.path}.")
    finally:
        spool.close()
