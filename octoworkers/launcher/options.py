"""Where to listen and what to start, from the environment, so that `make run PORT=8001` works."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from octoworkers.launcher.refusal import CannotStart

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # recognised, never a default


@dataclass(frozen=True)
class Options:
    """`host` and `port` to listen on; `home` holds the data; `demo` seeds it on first start."""

    host: str
    port: int
    home: Path
    demo: bool
    local_agents: bool

    @property
    def visitors_host(self) -> str:
        """The host to print and to connect to: the one listened on, or this machine for all addresses."""
        if self.host in LOOPBACK or self.host in WILDCARDS:
            return "localhost"
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def local_url(self) -> str:
        """Where this machine itself reaches the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.visitors_host}:{self.port}"


def from_environment(environment: Mapping[str, str], *, home: Path) -> Options:
    """Raises `CannotStart` for a port that is none."""
    return Options(
        host=environment.get("HOST") or "127.0.0.1",
        port=_port(environment.get("PORT") or "8000"),
        home=home,
        demo=_is_on(environment.get("OCTOWORKERS_DEMO", "true")),
        local_agents=_is_on(environment.get("OCTOWORKERS_LOCAL_AGENTS", "true")),
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise CannotStart(f"PORT={text} is not a port: give a number from 1 to 65535.")


def _is_on(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}


def allowed_hosts(host: str) -> list[str]:
    """Names under which a server that listens on `host` may be visited."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host in WILDCARDS:
        names += own_names()
    elif host not in LOOPBACK:
        names.append(f"[{host}]" if ":" in host else host)
    return names


def own_names() -> list[str]:
    """This machine's name and the addresses that the name stands for."""
    name = socket.gethostname()
    found = {name, os.uname().nodename}
    with contextlib.suppress(OSError):
        found |= {str(entry[4][0]) for entry in socket.getaddrinfo(name, None, family=socket.AF_INET)}
    return sorted(found)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `CannotStart` if the port is taken, forbidden, or not of this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotStart(f"{host} is not an address of this machine: set HOST to one.") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise CannotStart(_why_not(error, host, port)) from error
    return sock


def _why_not(error: OSError, host: str, port: int) -> str:
    if isinstance(error, PermissionError):
        return f"Port {port} may only be used by root: choose one above 1023, for example make run PORT=8000."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program: choose another one, as in make run PORT={port + 1}."
    return f"Cannot listen on {host}:{port}: {error.strerror}."
