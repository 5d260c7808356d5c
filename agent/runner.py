"""The agent process: one event loop that keeps a connection and looks after the attempts."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import random
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import agent
from agent import capabilities
from agent.book import Book
from agent.config import Home, Registration
from agent.connection import Refused, Unreachable, introduce, open_connection
from agent.host import boot_id
from agent.keys import Key
from agent.launcher import Launcher
from agent.reporting import Disconnected
from agent.session import Session
from agent.status import Status
from agent.surroundings import Limits, Surroundings
from agent.workspace import Workspace
from protocol.frames import Proof

logger = logging.getLogger("octoworker")

#: Seconds between two tries to connect: the first comes at once, then longer and longer.
FIRST_DELAY, LONGEST_DELAY = 0.2, 15.0

#: Seconds between two tries after a refusal that does not go away by itself.
REFUSED_DELAY = 60.0

#: Seconds after which a connection counts as a good one, so that the next try comes at once.
STABLE_SECONDS = 5.0

_DISK_THREADS = 4


class Backoff:
    """Seconds to wait before the next try; spread, so that a thousand agents do not come at once."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._tries = 0

    def reset(self) -> None:
        self._tries = 0

    def next(self) -> float:
        self._tries += 1
        if self._tries == 1:
            return 0.0
        longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._tries - 2, 10))
        return longest * (0.5 + self._chance() / 2)


async def run(*, home: Home, registration: Registration, key: Key, limits: Limits) -> None:
    """Be the agent of this home until SIGTERM or SIGINT. Raises OSError."""
    # Made in here, because on Python 3.9 locks and events belong to the loop that runs.
    await Runner(home=home, registration=registration, key=key, limits=limits).run()


class Runner:
    def __init__(self, *, home: Home, registration: Registration, key: Key, limits: Limits) -> None:
        self._home = home
        self._registration = registration
        self._key = key
        self._pool = ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="disk")
        self._launcher = Launcher(on_death=self._on_death, on_lost=self._on_lost, on_failure=self._on_failure)
        self._boot_id = boot_id()
        self._book = Book(
            Surroundings(
                workspace=Workspace(home),
                launcher=self._launcher,
                boot_id=self._boot_id,
                limits=limits,
                in_thread=self._in_thread,
            )
        )
        self._capabilities: dict[str, Any] = {}
        self._connected_at: float | None = None
        self._status = Status(connected=False, since=0.0, message="")

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. The scripts go on without the agent. Raises OSError."""
        os.chdir(self._home.path)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        bell = self._hang_bell()
        self._launcher.start()
        tasks = [loop.create_task(self._work()), loop.create_task(self._book.poll())]
        stopping = loop.create_task(stop.wait())
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        await self._end([stopping, *tasks])
        bell.close()
        self._launcher.close()
        self._save_status(connected=False, message="octoworker was stopped")

    async def _end(self, tasks: list[asyncio.Task[Any]]) -> None:
        failed = [task for task in tasks if task.done() and task.exception()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if failed:
            await failed[0]

    def _hang_bell(self) -> socket.socket:
        """The socket at which shims ring; a relative name, because the path of a socket must be short."""
        path = Path("agent.sock")
        path.unlink(missing_ok=True)
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        bell.bind(str(path))
        path.chmod(0o600)
        asyncio.get_running_loop().add_reader(bell, self._on_bell, bell)
        return bell

    def _on_bell(self, bell: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._book.ring(bell.recv(64).decode("ascii", "replace"))

    def _on_death(self) -> None:
        self._book.ring_all()

    def _on_lost(self, attempt_id: str) -> None:
        self._book.lose_shim(attempt_id)

    def _on_failure(self, attempt_id: str, reason: str) -> None:
        self._book.fail(attempt_id, f"The worker could not start a process: {reason}.")

    async def _in_thread(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    # --- Connecting -----------------------------------------------------------------------------

    async def _work(self) -> None:
        await self._in_thread(Workspace(self._home).empty_trash)
        await self._book.recover()
        self._capabilities = await self._probe()
        backoff = Backoff()
        while True:
            delay = await self._connect(backoff)
            await asyncio.sleep(delay)

    async def _connect(self, backoff: Backoff) -> float:
        """One connection from its beginning to its end; the seconds until the next."""
        self._connected_at = None
        try:
            await self._stay_connected()
        except Refused as refused:
            retry = REFUSED_DELAY if refused.permanent else 0.0
            self._note(f"{refused} ({refused.code})", retry=retry)
            return retry or max(backoff.next(), FIRST_DELAY)
        except (Unreachable, Disconnected) as error:
            self._note(str(error))
        # A server that welcomes and drops at once is not hammered.
        if self._connected_at and time.monotonic() - self._connected_at > STABLE_SECONDS:
            backoff.reset()
        return backoff.next()

    async def _stay_connected(self) -> None:
        connection = await open_connection(self._registration)
        try:
            welcome = await introduce(
                connection, registration=self._registration, key=self._key, introduction=self._introduction
            )
        except BaseException:
            await connection.close()
            raise
        self._connected_at = time.monotonic()
        logger.info("Connected to %s as %s.", self._registration.server, welcome.name)
        self._save_status(connected=True)
        session = Session(
            connection,
            welcome=welcome,
            book=self._book,
            probe=self._probe,
            disk_free=functools.partial(capabilities.disk_free, self._home),
        )
        await session.run()

    async def _introduction(self, signature: str) -> Proof:
        return Proof(
            signature=signature,
            agent_version=agent.__version__,
            boot_id=self._boot_id,
            capabilities=self._capabilities,
            attempts=await self._book.held(),
            time=time.time(),
        )

    async def _probe(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._in_thread(capabilities.probe, self._home)
        return found

    def _note(self, message: str, *, retry: float = 0.0) -> None:
        logger.warning("Not connected to %s: %s", self._registration.server, message)
        self._save_status(connected=False, message=message, retry=retry)

    def _save_status(self, *, connected: bool, message: str = "", retry: float = 0.0) -> None:
        if connected != self._status.connected or not self._status.since:
            self._status = replace(self._status, connected=connected, since=time.time())
        self._status = replace(self._status, message=message, retry=retry)
        # A full disk must not end the agent.
        with contextlib.suppress(OSError):
            self._status.save(self._home)
