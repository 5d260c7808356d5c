"""What the agent hands over to have a script started, and how it travels: each job after its length."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass, field

LENGTH = struct.Struct(">I")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Job:
    """In memory and through sockets only, never in a file; `home` and `folder` are absolute paths."""

    home: str
    folder: str
    attempt_id: str
    syntax: str
    script: str
    variables: dict[str, str]
    environment: dict[str, str]
    secrets: list[str]
    spool_bytes: int
    abandon_seconds: float
    program: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        return json.dumps(vars(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Job:
        return cls(**json.loads(data))


def framed(job: bytes) -> bytes:
    """A job as it travels. An empty one asks for nothing but to be ready for the next."""
    return LENGTH.pack(len(job)) + job


def receive(connection: socket.socket) -> bytes | None:
    """The next job, or None where there are no more. Raises OSError."""
    length = _exactly(connection, LENGTH.size)
    return None if length is None else _exactly(connection, LENGTH.unpack(length)[0])


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), _BLOCK))
        if not part:
            return None
        parts += part
    return bytes(parts)
