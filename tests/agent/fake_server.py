"""A server that speaks the protocol and remembers what it was told; the agent is the real one."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from protocol import MAX_AGENT_MESSAGE, log
from protocol.frames import (
    Challenge,
    Error,
    Frame,
    Heartbeat,
    HeartbeatAck,
    Hello,
    LogAck,
    Proof,
    Verdict,
    Welcome,
    decode,
    encode,
)
from protocol.handshake import transcript

F = TypeVar("F")
SECONDS = 20


@dataclass
class StoredLog:
    """Runs by the number of their chunk's first line, as a server would keep them."""

    chunks: dict[int, log.Chunk] = field(default_factory=dict)
    received: int = 0

    @property
    def next_seq(self) -> int:
        seq = 0
        while seq in self.chunks:
            seq = self.chunks[seq].next_seq
        return seq

    def runs(self) -> list[log.Run]:
        return [run for seq in sorted(self.chunks) for run in log.unpack(self.chunks[seq])]

    @property
    def content(self) -> bytes:
        return b"".join(run.data for run in self.runs())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class FakeServer:
    """`acknowledge` says whether log chunks are answered; `verdicts` overrides what a held attempt hears."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.agent_key: str = ""
        self.agent_id = str(uuid.uuid4())
        self.acknowledge = True
        self.refusal: Error | None = None
        self.verdicts: dict[str, Verdict] = {}
        self.heartbeat_seconds = 15
        self.version = 1
        self.logs: dict[str, StoredLog] = {}
        self.frames: list[Frame] = []
        self.proofs: list[Proof] = []
        self.connections = 0
        self._socket: ServerConnection | None = None
        self._server: Server | None = None
        self._news = asyncio.Condition()

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def start(self, port: int = 0) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", port, max_size=MAX_AGENT_MESSAGE, compression=None, ping_interval=None
        )

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def cut(self) -> None:
        """Break the connection without a word."""
        assert self._socket is not None
        self._socket.transport.abort()

    async def send(self, frame: Frame) -> None:
        assert self._socket is not None
        await self._socket.send(encode(frame))

    async def send_raw(self, message: str | bytes) -> None:
        assert self._socket is not None
        await self._socket.send(message)

    async def until(self, condition: Any) -> None:
        """Wait until something that was received makes the condition true."""
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(condition), SECONDS)

    async def expect(self, kind: type[F], *, after: int = 0, **fields: Any) -> F:
        """The first frame of a kind, from number `after` on, whose fields have these values."""

        def found() -> list[F]:
            return self._select(kind, self.frames[after:], fields)

        await self.until(found)
        return found()[0]

    @staticmethod
    def _select(kind: type[F], frames: list[Frame], fields: dict[str, Any]) -> list[F]:
        kept = [frame for frame in frames if isinstance(frame, kind)]
        return [frame for frame in kept if all(getattr(frame, key) == fields[key] for key in fields)]

    def count(self, kind: type[Any], **fields: Any) -> int:
        return len(self._select(kind, self.frames, fields))

    def log(self, attempt_id: str) -> StoredLog:
        return self.logs.setdefault(attempt_id, StoredLog())

    async def connected(self, times: int = 1) -> None:
        await self.until(lambda: self.connections >= times)

    async def _serve(self, socket: ServerConnection) -> None:
        try:
            if await self._handshake(socket):
                self._socket = socket
                await self._note(lambda: setattr(self, "connections", self.connections + 1))
                await self._receive(socket)
        except ConnectionClosed:
            return

    async def _handshake(self, socket: ServerConnection) -> bool:
        hello = decode(await socket.recv())
        assert isinstance(hello, Hello)
        if self.refusal:
            await socket.send(encode(self.refusal))
            await self._note(lambda: self.frames.append(hello))
            return False
        nonce = secrets.token_hex(32)
        words = {
            "agent_id": hello.agent_id,
            "agent_nonce": hello.nonce,
            "server_nonce": nonce,
            "server_key": self.public_key,
        }
        signature = self.key.sign(transcript(role="server", **words)).hex()
        await socket.send(encode(Challenge(self.version, nonce, self.public_key, signature)))
        proof = decode(await socket.recv())
        assert isinstance(proof, Proof)
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.agent_key))
        public.verify(bytes.fromhex(proof.signature), transcript(role="agent", **words))
        self.proofs.append(proof)
        verdicts = [self._verdict(held.attempt_id) for held in proof.attempts]
        await socket.send(encode(Welcome("worker", 10, self.heartbeat_seconds, 60, verdicts)))
        return True

    def _verdict(self, attempt_id: str) -> Verdict:
        default = Verdict(attempt_id, "adopt", self.log(attempt_id).next_seq)
        return self.verdicts.get(attempt_id, default)

    async def _receive(self, socket: ServerConnection) -> None:
        async for message in socket:
            if isinstance(message, bytes):
                await self._store(socket, message)
                continue
            frame = decode(message)
            if isinstance(frame, Heartbeat):
                await socket.send(encode(HeartbeatAck(time=frame.time)))
            await self._note(lambda frame=frame: self.frames.append(frame))

    async def _store(self, socket: ServerConnection, message: bytes) -> None:
        address, epoch, chunk = log.from_message(message)
        attempt_id = str(uuid.UUID(bytes=address))
        stored = self.log(attempt_id)

        def keep() -> None:
            stored.received += 1
            if chunk.first_seq in stored.chunks:
                assert stored.chunks[chunk.first_seq] == chunk
            stored.chunks[chunk.first_seq] = chunk

        await self._note(keep)
        if self.acknowledge:
            await socket.send(encode(LogAck(attempt_id, epoch, stored.next_seq)))

    async def _note(self, change: Any) -> None:
        async with self._news:
            change()
            self._news.notify_all()
