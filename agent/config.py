"""Where the agent keeps what, and what it knows about its server."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from agent.files import make_private_directory, read_json, write_json


class NotRegistered(Exception):
    """This home has no registration yet."""


class AlreadyRunning(Exception):
    """Another octoworker uses this home."""


class BadServerUrl(ValueError):
    """A server address that is not http:// or https:// with a host."""


@dataclass(frozen=True)
class Home:
    """The agent's folder: registration, key, and everything about the attempts that it holds."""

    path: Path

    @classmethod
    def find(cls, given: str | None) -> Home:
        """`--home`, else OCTOWORKER_HOME, else /var/lib/octoworker for root and ~/.octoworker for others."""
        default = "/var/lib/octoworker" if os.geteuid() == 0 else "~/.octoworker"
        return cls(Path(given or os.environ.get("OCTOWORKER_HOME") or default).expanduser().absolute())

    @property
    def registration(self) -> Path:
        return self.path / "agent.json"

    @property
    def key(self) -> Path:
        return self.path / "agent.key"

    @property
    def lock(self) -> Path:
        return self.path / "agent.lock"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def tools(self) -> Path:
        return self.path / "tools.json"

    @property
    def attempts(self) -> Path:
        return self.path / "attempts"

    @property
    def trash(self) -> Path:
        return self.path / "trash"

    def create(self) -> None:
        """Raises OSError."""
        for path in (self.path, self.attempts, self.trash):
            make_private_directory(path)


@dataclass(frozen=True)
class Registration:
    """`server_key` is the server's pinned public key in hex; `websocket` a path below `server`."""

    server: str
    agent_id: str
    name: str
    server_key: str
    websocket: str

    @property
    def websocket_url(self) -> str:
        parts = urlsplit(self.server)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{self.websocket}"

    def save(self, home: Home) -> None:
        write_json(home.registration, asdict(self), durable=True)

    @classmethod
    def load(cls, home: Home) -> Registration:
        """Raises `NotRegistered`."""
        data = read_json(home.registration)
        names = [item.name for item in fields(cls)]
        if not isinstance(data, dict) or any(not isinstance(data.get(name), str) for name in names):
            raise NotRegistered(f"{home.path} holds no registration. Register this machine first.")
        return cls(**{name: data[name] for name in names})


def server_url(text: str) -> str:
    """The address without a trailing slash. Raises `BadServerUrl`."""
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadServerUrl(f"{text!r} is not an address such as https://octoworkers.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadServerUrl("The address of the server must not hold a user, a password, ? or #.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_unprotected(url: str) -> bool:
    """Whether what is sent to this address can be read on the way."""
    parts = urlsplit(url)
    loopback = parts.hostname in ("localhost", "::1") or (parts.hostname or "").startswith("127.")
    return parts.scheme == "http" and not loopback
