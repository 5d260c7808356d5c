"""The agent's end of the zygote: starts it, hands it jobs, notices its death."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import agent
from agent.zygote import LENGTH

logger = logging.getLogger("octoworker")

_LONGEST_ANSWER = 64 * 1024
_PATIENCE_SECONDS = 5.0


class Launcher:
    """`on_death` is called when the zygote has died, `on_failure(attempt_id, reason)` when it could not
    fork. `generation` changes with each birth and death of a zygote: a job handed over in an earlier
    one may not have reached a shim."""

    def __init__(self, *, on_death: Callable[[], None], on_failure: Callable[[str, str], None]) -> None:
        self._on_death = on_death
        self._on_failure = on_failure
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._turn = asyncio.Lock()
        self._born = 0.0
        self.generation = 0

    def start(self) -> None:
        """Have a zygote, so that the first job does not wait for it. Raises OSError."""
        if self._socket is not None:
            return
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [*own_command(), "zygote", str(theirs.fileno())],
                cwd=_folder_of_program(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket = ours
        self._born = time.monotonic()
        self.generation += 1
        asyncio.get_running_loop().add_reader(ours, self._hear)

    async def launch(self, job: bytes) -> int:
        """Hand over a job; the generation that took it. Raises OSError."""
        async with self._turn:
            self.start()
            assert self._socket is not None  # noqa: S101 - start() has made it
            await asyncio.get_running_loop().sock_sendall(self._socket, LENGTH.pack(len(job)) + job)
            return self.generation

    def close(self) -> None:
        """Let the zygote go; the shims stay."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            # Not closed at once: a launch that is under way still waits on it, and sees it end.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_SECONDS)
            self._process.kill()
            self._process.wait()
            self._process = None

    def _hear(self) -> None:
        assert self._socket is not None  # noqa: S101 - the reader is removed with it
        try:
            data = self._socket.recv(_LONGEST_ANSWER)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._tell(data)
            return
        logger.warning("The process that starts scripts has died; a new one takes its place.")
        self.close()
        self.generation += 1
        # One that dies at once would die again: the next job has to ask for it.
        if time.monotonic() - self._born > _PATIENCE_SECONDS:
            with contextlib.suppress(OSError):
                self.start()
        self._on_death()

    def _tell(self, data: bytes) -> None:
        for line in data.splitlines():
            with contextlib.suppress(ValueError, KeyError):
                answer = json.loads(line)
                self._on_failure(answer["attempt_id"], answer["error"])


def own_command() -> list[str]:
    """The command that runs this program again: the single file, or the package it runs from."""
    root = Path(agent.__file__).parent.parent
    return [sys.executable, str(root)] if root.is_file() else [sys.executable, "-m", "agent"]


def _folder_of_program() -> Path:
    root = Path(agent.__file__).parent.parent
    return root.parent if root.is_file() else root
