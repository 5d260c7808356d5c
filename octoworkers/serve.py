"""One process: Daphne answers HTTP and WebSockets, and the engine runs in the same loop, or elsewhere."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any

import daphne.server  # installs the asyncio reactor, so it stands before every other use of Twisted
from twisted.internet import reactor as _reactor

from octoworkers.launcher.options import listen
from octoworkers.launcher.refusal import report_failed_start

reactor: Any = _reactor
log = logging.getLogger("octoworkers.serve")

#: Bytes. An agent's log chunk is at most half of this; a longer message ends its connection.
MAX_MESSAGE = 1024 * 1024
#: Seconds that the engine gets to finish what it is writing before the process ends anyway.
STOP_TIMEOUT = 15


class Service:
    """The server of one node, from the bound socket until the last write is committed. `runner` makes the
    node's `tasks.engine.runner.Runner`, given what to call when this process has to end."""

    def __init__(
        self, *, sock: socket.socket, application: Any, runner: Callable[[Callable[[], None]], Any]
    ) -> None:
        self._sock = sock
        self._runner = runner(self._fail)
        self._stopping = False
        self._failed = False
        self._server = daphne.server.Server(
            application=application,
            endpoints=["adopted"],
            signal_handlers=False,
            http_timeout=None,
            websocket_timeout=-1,  # agents stay connected for weeks
            websocket_max_message_size=MAX_MESSAGE,
            websocket_max_frame_size=MAX_MESSAGE,
            ping_interval=20,
            ping_timeout=30,
            verbosity=0,
            server_name="octoworkers",
        )
        # Its endpoint strings cannot say IPv6 for a socket that is already bound, so it gets the
        # socket from `_start` instead of opening one.
        self._server.endpoints = []

    def run(self) -> int:
        """Serves until SIGTERM or SIGINT. Returns the exit code of the process."""
        reactor.callWhenRunning(self._started)
        self._server.run()
        return 1 if self._failed else 0

    def _started(self) -> None:
        loop = asyncio.get_event_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._task = loop.create_task(self._start())

    async def _start(self) -> None:
        """The engine first: who connects before it is up waits in the socket's queue."""
        try:
            await self._runner.start()
            self._sock.setblocking(False)  # the reactor takes over the descriptor as it is
            reactor.adoptStreamPort(self._sock.fileno(), self._sock.family, self._server.http_factory)
            self._sock.close()
        except Exception as error:
            report_failed_start(error)
            self._failed = True
            reactor.stop()

    def _fail(self) -> None:
        """Like SIGTERM, but whoever watches the process sees that it did not want to end."""
        self._failed = True
        self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._task = asyncio.get_event_loop().create_task(self._stop_runner())

    async def _stop_runner(self) -> None:
        try:
            await asyncio.wait_for(self._runner.stop(), STOP_TIMEOUT)
        except Exception:
            log.exception("The engine did not stop cleanly; the next start takes up what it left.")
        finally:
            reactor.stop()


def serve(*, host: str, port: int, with_engine: bool = True) -> int:
    """Runs the server on this address. Django must be set up. Raises `CannotStart`."""
    sock = listen(host, port)
    from django.conf import settings  # noqa: PLC0415  # after the socket: refusals come at once

    from octoworkers.asgi import application  # noqa: PLC0415
    from octoworkers.services import rotation  # noqa: PLC0415
    from tasks.engine.node import CurrentNode  # noqa: PLC0415
    from tasks.engine.runner import Runner  # noqa: PLC0415

    if warning := rotation.unreadable():
        logging.getLogger("octoworkers.node").error(warning)
    node = CurrentNode(settings.NODE_NAME, runs_engine=with_engine, serves_web=True, address=address_of(sock))
    return Service(sock=sock, application=application, runner=lambda end: Runner(node, on_replaced=end)).run()


def address_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
