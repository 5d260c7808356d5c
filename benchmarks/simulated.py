"""Agents without a machine: they speak the protocol and run nothing. For crowds, and for measuring the
server alone."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.asyncio.client import ClientConnection, connect

from pools.models import WorkerPool
from protocol import VERSIONS, frames
from protocol.handshake import thumbprint, transcript
from workers.models import Machine

NOTHING = sha256(b"").hexdigest()
#: Connections that are opened at the same time.
AT_ONCE = 50
T = TypeVar("T")
Reaction = Callable[["SimulatedAgent", Any], Awaitable[None]]


class SimulatedAgent:
    """Connected to a server; `react` gets every frame. Made for a machine of the database."""

    def __init__(self, machine: Machine, key: Ed25519PrivateKey, *, server: str, react: Reaction) -> None:
        self.machine_id, self.name = machine.pk, machine.name
        self._agent_id, self._key, self._react = str(machine.agent_id), key, react
        self._address = server.replace("http://", "ws://") + "/agent/ws/"
        self._socket: ClientConnection | None = None
        self.heard = 0

    async def connect(self) -> None:
        self._socket = await connect(self._address, compression=None, ping_interval=None, open_timeout=60)
        nonce = secrets.token_hex(32)
        await self.say(frames.Hello(self._agent_id, nonce, list(VERSIONS)))
        challenge = frames.decode(await self._socket.recv())
        signed = transcript(
            role="agent",
            agent_id=self._agent_id,
            agent_nonce=nonce,
            server_nonce=challenge.nonce,
            server_key=challenge.server_key,
        )
        capabilities = {"os": "linux", "arch": "x86_64", "shells": {"bash": "5.2"}, "tools": {}}
        proof = frames.Proof(self._key.sign(signed).hex(), "0", "boot", capabilities, [])
        await self.say(proof)
        welcome = frames.decode(await self._socket.recv())
        assert isinstance(welcome, frames.Welcome), welcome

    async def say(self, frame: frames.Frame) -> None:
        assert self._socket is not None
        await self._socket.send(frames.encode(frame))

    async def listen(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            await self._react(self, frames.decode(message))

    async def beat(self, every: float) -> None:
        while True:
            await self.say(frames.Heartbeat(time.time(), 0, 10**11))
            await asyncio.sleep(every)


def machines(
    space: Any, count: int, *, pool: WorkerPool | None, slots: int = 10
) -> list[tuple[Machine, Any]]:
    """Enrolled machines with their keys, written at once."""
    keys = [Ed25519PrivateKey.generate() for _ in range(count)]
    made = []
    for key in keys:
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        name = f"simulated-{secrets.token_hex(5)}"
        made.append(
            Machine(
                space=space,
                name=name,
                slug=name,
                slots=slots,
                public_key=public.hex(),
                thumbprint=thumbprint(public),
            )
        )
    Machine.objects.bulk_create(made)
    if pool:
        pool.machines.add(*made)
    return list(zip(made, keys, strict=True))


async def instant(agent: SimulatedAgent, frame: Any) -> None:
    """Reacts as an agent would whose scripts take no time and print nothing."""
    if isinstance(frame, frames.Assign):
        await agent.say(frames.Accepted(frame.attempt_id, frame.epoch))
    elif isinstance(frame, frames.Start):
        await agent.say(frames.Started(frame.attempt_id, frame.epoch, 1, time.time()))
        await agent.say(finished(frame.attempt_id, frame.epoch))


def finished(attempt_id: str, epoch: int) -> frames.Finished:
    """The end of a script that printed nothing."""
    now = time.time()
    UUID(attempt_id)
    return frames.Finished(attempt_id, epoch, "exited", 0, None, "", 0, 0, NOTHING, now, now)


class Loop:
    """An event loop in a thread of its own, for a benchmark that is not asynchronous itself."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def do(self, what: Coroutine[Any, Any, T], *, seconds: float = 300) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds)

    def begin(self, what: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop)


async def connect_all(agents: Sequence[SimulatedAgent]) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(agent: SimulatedAgent) -> None:
        async with room:
            await agent.connect()

    await asyncio.gather(*(one(agent) for agent in agents))
