"""Where shims come from: starts the zygote, asks it for shims, hands them jobs, notices deaths."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import agent
from agent.jobs import framed
from agent.zygote import FORK, FORKED

logger = logging.getLogger("octoworker")

#: Seconds after which a shim without a job is let go: an idle agent is to be small.
IDLE_SECONDS = 5.0

_LONGEST_ANSWER = 64 * 1024
_MOST_SHIMS_AT_ONCE = 64
_PATIENCE_SECONDS = 5.0


@dataclass(eq=False)
class _Shim:
    """The agent's end of a shim. `attempt_id` is what it works on; `farewell` lets it go when idle."""

    connection: socket.socket
    attempt_id: str = ""
    farewell: asyncio.TimerHandle | None = None
    sending: asyncio.Task[None] | None = None


class Launcher:
    """`on_lost(attempt_id)` is called when a shim has gone that had this attempt's job, `on_death` when
    the zygote has, `on_failure(attempt_id, reason)` when it could not fork. `generation` changes with
    each birth and death of a zygote: a job that was given in an earlier one may wait for a shim in vain."""

    def __init__(
        self,
        *,
        on_death: Callable[[], None],
        on_lost: Callable[[str], None],
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._on_death = on_death
        self._on_lost = on_lost
        self._on_failure = on_failure
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._born = 0.0
        self._asked = 0
        #: Jobs for which there is no shim yet, with their attempts.
        self._jobs: deque[tuple[str, bytes]] = deque()
        self._shims: set[_Shim] = set()
        self._idle: list[_Shim] = []
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
        self._asked = 0
        self.generation += 1
        asyncio.get_running_loop().add_reader(ours, self._hear)

    def be_ready(self) -> None:
        """A job comes soon: let a shim be made while disk and server are busy. Raises OSError."""
        if not self._idle and not self._asked:
            self._ask()

    def launch(self, attempt_id: str, job: bytes) -> int:
        """Give a job to a shim as soon as there is one; the generation that took it. Raises OSError."""
        self.start()
        self._jobs.append((attempt_id, job))
        self._match()
        while self._asked < len(self._jobs):
            self._ask()
        return self.generation

    def close(self) -> None:
        """Let the zygote and the idle shims go; those that work stay."""
        for shim in list(self._shims):
            self._drop(shim)
        self._end_zygote()

    def _end_zygote(self) -> None:
        self._jobs.clear()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_SECONDS)
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self) -> None:
        self.start()
        assert self._socket is not None  # noqa: S101 - start() has made it
        self._socket.send(FORK)
        self._asked += 1

    def _match(self) -> None:
        while self._jobs and self._idle:
            attempt_id, job = self._jobs.popleft()
            self._hand_over(self._idle.pop(), attempt_id, job)

    def _hand_over(self, shim: _Shim, attempt_id: str, job: bytes) -> None:
        if shim.farewell:
            shim.farewell.cancel()
        shim.attempt_id, shim.farewell = attempt_id, None
        data = framed(job)
        try:
            data = data[shim.connection.send(data) :]
        except BlockingIOError:
            pass
        except OSError:
            # Gone without a word; `_hear_shim` will say so.
            return
        if data:
            shim.sending = asyncio.get_running_loop().create_task(self._send(shim, data))

    async def _send(self, shim: _Shim, data: bytes) -> None:
        """The rest of a large job. Of half a job a shim that is stuck makes nothing."""
        sending = asyncio.get_running_loop().sock_sendall(shim.connection, data)
        with contextlib.suppress(OSError):
            try:
                await asyncio.wait_for(sending, _PATIENCE_SECONDS)
            except asyncio.TimeoutError:
                shim.sending = None
                self._lose(shim)

    # --- What the shims say --------------------------------------------------------------------

    def _welcome(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        shim = _Shim(connection)
        self._shims.add(shim)
        asyncio.get_running_loop().add_reader(connection, self._hear_shim, shim)
        self._rest(shim)

    def _hear_shim(self, shim: _Shim) -> None:
        try:
            word = shim.connection.recv(1)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        if word:
            self._rest(shim)
            return
        self._lose(shim)

    def _lose(self, shim: _Shim) -> None:
        lost = shim.attempt_id
        self._drop(shim)
        if lost:
            self._on_lost(lost)

    def _rest(self, shim: _Shim) -> None:
        """It has nothing to do: the next job, or a while of waiting for one."""
        shim.attempt_id = ""
        shim.farewell = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop, shim)
        self._idle.append(shim)
        self._match()

    def _drop(self, shim: _Shim) -> None:
        asyncio.get_running_loop().remove_reader(shim.connection)
        if shim.farewell:
            shim.farewell.cancel()
        if shim.sending:
            shim.sending.cancel()
        self._shims.discard(shim)
        with contextlib.suppress(ValueError):
            self._idle.remove(shim)
        shim.connection.close()

    # --- What the zygote says ------------------------------------------------------------------

    def _hear(self) -> None:
        assert self._socket is not None  # noqa: S101 - the reader is removed with it
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, _LONGEST_ANSWER, _MOST_SHIMS_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._bury()
            return
        for descriptor in descriptors:
            self._asked -= 1
            self._welcome(socket.socket(fileno=descriptor))
        for line in data.replace(FORKED, b"").splitlines():
            self._asked -= 1
            self._fail(line[1:].decode("utf-8", "replace"))

    def _fail(self, reason: str) -> None:
        if self._jobs:
            self._on_failure(self._jobs.popleft()[0], reason)

    def _bury(self) -> None:
        logger.warning("The process that starts scripts has died; a new one takes its place.")
        self._end_zygote()
        self.generation += 1
        # One that dies at once would die again: the next job has to ask for it.
        if time.monotonic() - self._born > _PATIENCE_SECONDS:
            with contextlib.suppress(OSError):
                self.start()
        self._on_death()


def own_command() -> list[str]:
    """The command that runs this program again: the single file, or the package it runs from."""
    root = Path(agent.__file__).parent.parent
    return [sys.executable, str(root)] if root.is_file() else [sys.executable, "-m", "agent"]


def _folder_of_program() -> Path:
    root = Path(agent.__file__).parent.parent
    return root.parent if root.is_file() else root
