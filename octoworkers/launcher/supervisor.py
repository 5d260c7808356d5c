"""Keeps the server and the agents of this machine running until somebody stops them."""

from __future__ import annotations

import contextlib
import http.client
import queue
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from urllib.parse import urlsplit

from octoworkers.launcher.children import Child, Ended, say
from octoworkers.launcher.refusal import CannotStart

#: Seconds after which an end counts as a crash of something that worked, not as a failed start.
STEADY = 10.0
MOST_FAILED_STARTS = 3
_LONGEST_PAUSE = 30.0
_READY_TIMEOUT = 60.0
_AGENT_STOP, _SERVER_STOP = 10.0, 20.0
#: The agent's exit code when its folder holds no registration: starting it again would not help.
NOT_REGISTERED = 3


class Stop:
    """Put into the queue by Ctrl+C, SIGTERM and a closed terminal."""


class Supervisor:
    """`url` is where this machine reaches the server, `visited_as` a host name that it answers to;
    `environment` is the server's; agents get it without the server's own settings."""

    def __init__(self, *, url: str, visited_as: str, environment: Mapping[str, str]) -> None:
        self._url, self._visited_as = url, visited_as
        self._environment = dict(environment)
        self._events: queue.SimpleQueue[object] = queue.SimpleQueue()
        command = [sys.executable, "-m", "octoworkers.cli", "serve"]
        self._server = self._child("server", command, self._environment)
        self._agents: list[Child] = []
        self._due: dict[Child, float] = {}
        self._stops = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A hang-up that nohup has switched off stays off.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def start_server(self) -> None:
        """Starts it and waits until it answers. Raises `CannotStart`, or KeyboardInterrupt if stopped."""
        self._server.start()
        deadline = time.monotonic() + _READY_TIMEOUT
        while not _answers(self._url, self._visited_as):
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"The server did not answer at {self._url} within {_READY_TIMEOUT:.0f} seconds."
                )
            with contextlib.suppress(queue.Empty):
                if isinstance(self._events.get(timeout=0.05), Stop):
                    raise KeyboardInterrupt
                raise CannotStart("The server ended right after its start. Its last lines say why.")

    def start_agent(self, name: str, command: Sequence[str]) -> None:
        agent = self._child(name, command, without_server_settings(self._environment))
        self._agents.append(agent)
        agent.start()

    def run(self) -> int:
        """Until it is stopped: starts again what ends by itself. Returns the exit code."""
        while True:
            event = self._next_event()
            if isinstance(event, Stop):
                say("Stopping. Scripts that still run go on; the next start takes them up.")
                return 0
            if isinstance(event, Ended) and not self._plan_restart(event):
                return 1

    def stop(self) -> None:
        """The agents first, so that the server still hears them off."""
        for agent in self._agents:
            agent.terminate()
        for agent in self._agents:
            agent.wait(seconds=_AGENT_STOP)
        self._server.terminate()
        self._server.wait(seconds=_SERVER_STOP)

    def _child(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        return Child(name=name, command=command, environment=environment, ended=self._events)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stops += 1
        self._events.put(Stop())
        if self._stops == 2:
            for child in (*self._agents, self._server):
                child.kill()

    def _next_event(self) -> object:
        """The next event; starts what is due in the meantime."""
        while True:
            now = time.monotonic()
            for child in [child for child, due in self._due.items() if due <= now]:
                del self._due[child]
                child.start()
            wait = min(self._due.values()) - now if self._due else None
            try:
                return self._events.get(timeout=wait)
            except queue.Empty:
                continue

    def _plan_restart(self, event: Ended) -> bool:
        """False where going on makes no sense: the server does not start."""
        child = event.child
        if child is not self._server and event.code == NOT_REGISTERED:
            say("is not started again: it has left this server.", source=child.name)
            return True
        child.failed_starts = child.failed_starts + 1 if event.lived < STEADY else 0
        if child is self._server and child.failed_starts >= MOST_FAILED_STARTS:
            say("The server ended right after its start, three times in a row. Its last lines say why.")
            return False
        pause = min(0.5 * 2**child.failed_starts, _LONGEST_PAUSE)
        say(f"ended ({_described(event.code)}); started again in {pause:.1f} s.", source=child.name)
        self._due[child] = time.monotonic() + pause
        return True


def without_server_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What an agent may know: not the server's keys, nor the passwords of its database."""
    private = ("OCTOWORKERS_", "DATABASE_", "REDIS_")
    return {name: value for name, value in environment.items() if not name.startswith(private)}


def _described(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _answers(url: str, host: str) -> bool:
    """Whether a page is answered there, whichever."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
