"""Takes this machine off its server, and removes what it had for it."""

from __future__ import annotations

import asyncio

import agent
from agent.config import Home, Registration
from agent.connection import Connection, Refused, Unreachable, introduce, open_connection
from agent.host import boot_id
from agent.keys import Key
from agent.reporting import Disconnected
from protocol.frames import BadFrame, Deregister, Deregistered, Error, Proof, decode

_SECONDS = 30

#: Refusals that say that the server does not know this agent any more, which is what is wanted.
_ALREADY = frozenset({"revoked", "unknown_agent"})


class NotDeregistered(Exception):
    """The server still has this worker; the message says why."""


def deregister(registration: Registration, key: Key) -> None:
    """Tell the server. Raises `NotDeregistered`."""
    try:
        asyncio.run(_deregister(registration, key))
    except Refused as refused:
        if refused.code not in _ALREADY:
            raise NotDeregistered(str(refused)) from refused
    except asyncio.TimeoutError:
        raise NotDeregistered("The server does not answer.") from None
    except (Unreachable, Disconnected) as error:
        raise NotDeregistered(str(error)) from error


def forget(home: Home) -> None:
    """Remove key and registration."""
    for path in (home.registration, home.key, home.status, home.tools):
        path.unlink(missing_ok=True)


async def _deregister(registration: Registration, key: Key) -> None:
    connection = await open_connection(registration)
    try:
        await introduce(connection, registration=registration, key=key, introduction=_introduction)
        await connection.send(Deregister())
        await asyncio.wait_for(_until_done(connection), _SECONDS)
    finally:
        await connection.close()


async def _introduction(signature: str) -> Proof:
    return Proof(
        signature=signature, agent_version=agent.__version__, boot_id=boot_id(), capabilities={}, attempts=[]
    )


async def _until_done(connection: Connection) -> None:
    while True:
        message = await connection.receive()
        try:
            frame = decode(message)
        except BadFrame:
            continue
        if isinstance(frame, Deregistered):
            return
        if isinstance(frame, Error):
            raise Refused(frame.code, frame.message)
