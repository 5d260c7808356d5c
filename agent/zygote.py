"""The zygote: a small process with everything imported that forks a shim whenever it is asked to.

Starting a Python for each attempt would cost tens of milliseconds; a fork costs one. It lives as long as
the agent's end of its socket; the shims outlive it. Of jobs it knows nothing: the agent gets its end of
each shim's own socket.
"""

from __future__ import annotations

import gc
import os
import signal
import socket

from agent import shim

#: What is said through the socket: fork one; here is its socket; there is none, and why (one line).
FORK, FORKED, FAILED = b"f", b"+", b"-"

_REQUESTS = 64


def main(descriptor: int) -> int:
    """Fork a shim for each byte that comes, until the socket is closed."""
    # Ended shims are not waited for: they report through their attempt's folder.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    agent = socket.socket(fileno=descriptor)
    while True:
        requests = agent.recv(_REQUESTS)
        if not requests:
            return 0
        for _ in requests:
            _fork(agent)


def _fork(agent: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            pid = os.fork()
        except OSError as error:
            agent.sendall(FAILED + str(error).encode() + b"\n")
            return
        if pid == 0:
            # Closed here, so that the end of each is seen at its other side.
            agent.close()
            ours.close()
            shim.main(theirs)
        socket.send_fds(agent, [FORKED], [ours.fileno()])
