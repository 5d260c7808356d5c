"""The zygote: a small process with everything imported that forks a shim for each job.

Starting a Python for each attempt would cost tens of milliseconds; a fork costs one. It lives as long
as the agent's end of its socket; the shims outlive it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import sys

from agent import shim

LENGTH = struct.Struct(">I")


def main(descriptor: int) -> int:
    """Serve jobs, each after its length (4 bytes), from a Unix socket until it is closed."""
    # Ended shims are not waited for: they report through their attempt's folder.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    connection = socket.socket(fileno=descriptor)
    while True:
        length = _receive(connection, LENGTH.size)
        if length is None:
            return 0
        job = _receive(connection, LENGTH.unpack(length)[0])
        if job is None:
            return 0
        _fork(connection, job)


def _fork(connection: socket.socket, job: bytes) -> None:
    sys.stderr.flush()
    try:
        pid = os.fork()
    except OSError as error:
        attempt_id = json.loads(job)["attempt_id"]
        connection.sendall(json.dumps({"attempt_id": attempt_id, "error": str(error)}).encode() + b"\n")
        return
    if pid == 0:
        # Closed here, so that the zygote's end alone tells the agent that the zygote has died.
        connection.close()
        shim.main(job)


def _receive(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
