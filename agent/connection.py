"""A connection to the server: both sides prove their keys before anything else is said."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

import agent
from agent.config import Registration
from agent.keys import Key, verify
from agent.reporting import Disconnected
from protocol import MAX_SERVER_MESSAGE, VERSIONS
from protocol.frames import BadFrame, Challenge, Error, Frame, Hello, Proof, Welcome, decode, encode
from protocol.handshake import thumbprint, transcript

OPEN_SECONDS = 15
ANSWER_SECONDS = 30
_NONCE_BYTES = 32

#: Refusals that do not go away by themselves.
PERMANENT = frozenset({"revoked", "unknown_agent", "bad_signature", "wrong_server", "unsupported_version"})


class Refused(Exception):
    """The server, or this agent, does not go on with this connection; `code` as in the `Error` frame."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def permanent(self) -> bool:
        return self.code in PERMANENT


class Unreachable(Exception):
    """No connection came about; the message says why."""


#: Makes the proof from the signature: what the agent is, has and holds at this moment.
Introduction = Callable[[str], Awaitable[Proof]]


class Connection:
    """A `Link` over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: Frame) -> None:
        await self.send_message(encode(frame))

    async def send_message(self, message: str | bytes) -> None:
        try:
            await self._socket.send(message)
        except ConnectionClosed as error:
            raise Disconnected(str(error)) from error

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise Disconnected(str(error)) from error

    async def close(self) -> None:
        await self._socket.close()


async def open_connection(registration: Registration) -> Connection:
    """Raises `Unreachable`."""
    try:
        socket = await connect(
            registration.websocket_url,
            compression=None,  # log chunks are compressed already, and a compressor costs memory
            max_size=MAX_SERVER_MESSAGE,
            open_timeout=OPEN_SECONDS,
            ping_interval=None,  # the protocol's own heartbeat also renews the lease
            close_timeout=2,
            user_agent_header=f"octoworker/{agent.__version__}",
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise Unreachable(f"The server answered with HTTP status {status} instead of a WebSocket.") from error
    except (OSError, InvalidHandshake, InvalidURI, asyncio.TimeoutError) as error:
        raise Unreachable(f"The server cannot be reached: {error or type(error).__name__}") from error
    return Connection(socket)


async def introduce(
    connection: Connection, *, registration: Registration, key: Key, introduction: Introduction
) -> Welcome:
    """Both proofs. Raises `Refused` and `Disconnected`."""
    nonce = secrets.token_hex(_NONCE_BYTES)
    await connection.send(Hello(agent_id=registration.agent_id, nonce=nonce, versions=list(VERSIONS)))
    challenge = await _expect(connection, Challenge)
    _check(challenge, registration, nonce)
    signature = key.sign(_transcript("agent", registration, nonce, challenge))
    await connection.send(await introduction(signature))
    welcome: Welcome = await _expect(connection, Welcome)
    return welcome


def _check(challenge: Challenge, registration: Registration, nonce: str) -> None:
    if challenge.version not in VERSIONS:
        raise Refused(
            "unsupported_version", f"The server speaks version {challenge.version} of the protocol."
        )
    if challenge.server_key != registration.server_key:
        raise Refused("wrong_server", _wrong_server(challenge.server_key, registration))
    if not verify(
        challenge.server_key, challenge.signature, _transcript("server", registration, nonce, challenge)
    ):
        raise Refused("wrong_server", "The server could not prove that it owns the key that it shows.")


def _wrong_server(shown: str, registration: Registration) -> str:
    try:
        found = thumbprint(bytes.fromhex(shown))
    except ValueError:
        found = "none"
    pinned = thumbprint(bytes.fromhex(registration.server_key))
    return f"The server shows another key than at registration (thumbprint {found} instead of {pinned})."


def _transcript(role: str, registration: Registration, nonce: str, challenge: Challenge) -> bytes:
    return transcript(
        role=role,
        agent_id=registration.agent_id,
        agent_nonce=nonce,
        server_nonce=challenge.nonce,
        server_key=challenge.server_key,
    )


async def _expect(connection: Connection, kind: type[Frame]) -> Frame:
    try:
        frame = decode(await asyncio.wait_for(connection.receive(), ANSWER_SECONDS))
    except asyncio.TimeoutError:
        raise Disconnected(f"The server did not answer within {ANSWER_SECONDS} s.") from None
    except BadFrame as error:
        raise Refused("malformed", f"The server says what this agent does not understand: {error}") from error
    if isinstance(frame, Error):
        raise Refused(frame.code, frame.message)
    if not isinstance(frame, kind):
        raise Refused("out_of_order", f"The server sent {frame.TYPE} instead of {kind.TYPE}.")
    return frame
