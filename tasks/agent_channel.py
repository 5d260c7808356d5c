"""The server's end of an agent's WebSocket: handshake, then frames. What a frame means is decided in
`tasks.engine.attempts`; here are only the conversation, its order and its limits."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

import protocol
from common.sockets import SocketClosed
from protocol import frames, handshake
from protocol.artifacts import ARTIFACT_WINDOW
from protocol.log import BadChunk, Chunk, from_message
from tasks.engine import attempts, contact, jobs, node, writer
from tasks.engine.drivers.base import Job
from tasks.services import artifacts, logs
from workers.models import Machine
from workers.services import machines, server_key

logger = logging.getLogger("octoworkers.agents")

#: Seconds in which a new connection must have proved its key.
HANDSHAKE_SECONDS = 15

#: Unstored log chunks of one agent. An agent that sends more ignores its window.
MAX_PENDING_CHUNKS = 4 * protocol.LOG_WINDOW

_files = writer.DatabaseThread("artifacts")

#: The same of parts of artifacts.
MAX_PENDING_PARTS = 4 * ARTIFACT_WINDOW

Handler = Callable[["AgentConsumer", Any], Awaitable[None]]


class Refused(Exception):
    """The conversation ends; the agent is told why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AgentConsumer(AsyncWebsocketConsumer):
    machine: Machine | None = None
    _hello: frames.Hello | None = None
    _nonce: str = ""

    async def connect(self) -> None:
        await self.accept()
        self._pending: list[tuple[UUID, int, Chunk]] = []
        self._storing: asyncio.Task[None] | None = None
        self._parts: deque[frames.ArtifactPart] = deque()
        self._filing: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HANDSHAKE_SECONDS, self._too_slow)

    async def disconnect(self, code: int) -> None:
        self._deadline.cancel()
        if self._storing is not None:
            # What has arrived is stored, so that the agent need not send it again.
            await asyncio.wait([self._storing])
        if self.machine is not None:
            now = timezone.now()
            await writer.run(machines.disconnected, self.machine.pk, self.channel_name, now)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if bytes_data is not None:
                await self._take_chunk(bytes_data)
            else:
                await self._take_frame(text_data or "")
        except (frames.BadFrame, BadChunk) as error:
            code = getattr(error, "code", "bad_chunk")
            await self._say(frames.Error(code, str(error)))
        except Refused as refusal:
            await self._refuse(refusal)

    async def agent_frame(self, message: dict[str, Any]) -> None:
        """From the channel layer: a frame that the engine wants sent."""
        with suppress(SocketClosed):
            await self.send(text_data=message["frame"])

    async def agent_check(self, message: dict[str, Any]) -> None:
        """From the channel layer: somebody wants the agent to look again at what it has."""
        await self._say(frames.CapabilitiesRequest())

    async def agent_close(self, message: dict[str, Any]) -> None:
        """From the channel layer: revoked, or the same agent has connected anew."""
        await self._refuse(Refused(message["code"], message["message"]))

    async def layer_gap(self, message: dict[str, Any]) -> None:
        """Frames may have got lost on their way here. The sweep sends what was not answered again."""

    # --- Conversation ---------------------------------------------------------------------------

    async def _take_frame(self, text: str) -> None:
        frame = frames.decode(text)
        handler = _HANDLERS.get(type(frame))
        if handler is None:
            raise frames.BadFrame("unexpected", f"An agent does not send {frame.TYPE}.")
        is_handshake = isinstance(frame, frames.Hello | frames.Proof)
        if is_handshake == (self.machine is not None):
            raise Refused("out_of_order", f"{frame.TYPE} does not belong here in the conversation.")
        await handler(self, frame)

    async def _take_hello(self, frame: frames.Hello) -> None:
        common = set(frame.versions) & set(protocol.VERSIONS)
        if not common:
            raise Refused("unsupported_version", _no_common_version(frame.versions))
        self._hello, self._nonce = frame, secrets.token_hex(32)
        signature = server_key.sign(self._transcript("server"))
        await self._say(frames.Challenge(max(common), self._nonce, server_key.public_hex(), signature))

    async def _take_proof(self, frame: frames.Proof) -> None:
        if self._hello is None:
            raise Refused("out_of_order", "A proof comes after a hello.")
        machine = await writer.run(_find, self._hello.agent_id)
        if machine is None:
            raise Refused("unknown_agent", "This server does not know this agent. Register it again.")
        if machine.is_revoked:
            raise Refused("revoked", "This agent's key has been revoked. Register it again.")
        if not server_key.verify(machine.public_key, frame.signature, self._transcript("agent")):
            raise Refused("bad_signature", "The agent's signature does not fit its key.")
        self._deadline.cancel()
        await self._welcome(machine, frame)

    async def _welcome(self, machine: Machine, frame: frames.Proof) -> None:
        now = timezone.now()
        previous = machine.channel
        try:
            self.machine = await writer.run(
                machines.connected,
                machine.pk,
                self.channel_name,
                frame.agent_version,
                frame.boot_id,
                frame.capabilities,
                now,
                node_name=node.current().name,
                clock=frame.time,
            )
        except machines.MachineRevoked as error:
            raise Refused("revoked", "This agent's key has been revoked.") from error
        except machines.BadCapabilities as error:
            raise Refused("bad_value", str(error)) from error
        if previous and previous != self.channel_name:
            await self._close_previous(previous)
        verdicts, after = await writer.run(contact.reconcile, machine.pk, frame.attempts, now=now)
        await self._say(
            frames.Welcome(
                machine.name,
                machine.slots,
                protocol.HEARTBEAT_SECONDS,
                protocol.LEASE_SECONDS,
                verdicts,
            )
        )
        for item in after:
            await self._say(item)
        await writer.run(jobs.run, Job.PLACE)

    async def _close_previous(self, channel: str) -> None:
        message = "The same agent has connected again. Two agents must not share one home folder."
        await self.channel_layer.send(
            channel, {"type": "agent.close", "code": "replaced", "message": message}
        )

    def _transcript(self, role: str) -> bytes:
        hello = self._hello
        assert hello is not None  # noqa: S101 - both callers have one
        return handshake.transcript(
            role=role,
            agent_id=hello.agent_id,
            agent_nonce=hello.nonce,
            server_nonce=self._nonce,
            server_key=server_key.public_hex(),
        )

    async def _take_heartbeat(self, frame: frames.Heartbeat) -> None:
        now = timezone.now()
        beat = await writer.run(
            machines.heartbeat,
            self._machine_id,
            now,
            frame.disk_free,
            clock=frame.time,
            channel=self.channel_name,
            node_name=node.current().name,
        )
        if not beat:
            raise Refused("revoked", "This agent's key has been revoked.")
        await self._say(frames.HeartbeatAck(now.timestamp()))

    async def _take_capabilities(self, frame: frames.Capabilities) -> None:
        try:
            await writer.run(
                machines.reported, self._machine_id, frame.capabilities, timezone.now(), clock=frame.time
            )
        except machines.BadCapabilities as error:
            raise frames.BadFrame("bad_value", str(error)) from error

    async def _take_deregister(self, frame: frames.Deregister) -> None:
        if self.machine is not None:
            await writer.run(machines.deregister, self.machine)
        await self._say(frames.Deregistered())
        await self.close()

    # --- Executions -----------------------------------------------------------------------------

    async def _take_accepted(self, frame: frames.Accepted) -> None:
        await self._say(await writer.run(attempts.accepted, self._machine_id, frame, now=timezone.now()))

    async def _take_started(self, frame: frames.Started) -> None:
        await writer.run(attempts.started, self._machine_id, frame, now=timezone.now())

    async def _take_finished(self, frame: frames.Finished) -> None:
        # A finish speaks of the whole log: first store what came before it.
        if self._storing is not None:
            await asyncio.wait([self._storing])
        await self._say(await writer.run(attempts.finished, self._machine_id, frame, now=timezone.now()))

    async def _take_part(self, frame: frames.ArtifactPart) -> None:
        if len(self._parts) >= MAX_PENDING_PARTS:
            raise Refused("too_fast", "More parts of artifacts are under way than the protocol allows.")
        self._parts.append(frame)
        if self._filing is None or self._filing.done():
            self._filing = asyncio.create_task(self._file())

    async def _file(self) -> None:
        """Aside: the end of a large file takes its time, and neither runs nor logs may wait for it."""
        while self._parts:
            part = self._parts.popleft()
            try:
                answer = await _files.run(artifacts.take, self._machine_id, part, now=timezone.now())
            except frames.BadFrame as error:
                answer = frames.Error(error.code, str(error), attempt_id=part.attempt_id)
            except Exception:
                # Nothing is acknowledged, so nothing is lost: the agent sends it again when it is back.
                logger.exception("Storing an artifact of attempt %s failed.", part.attempt_id)
                await self.close(code=4011)
                return
            await self._say(answer)

    async def _take_chunk(self, message: bytes) -> None:
        if self.machine is None:
            raise Refused("out_of_order", "Log lines come after the handshake.")
        if len(self._pending) >= MAX_PENDING_CHUNKS:
            raise Refused("too_fast", "More log chunks are under way than the protocol allows.")
        attempt, epoch, chunk = from_message(message)
        self._pending.append((UUID(bytes=attempt), epoch, chunk))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())

    async def _store(self) -> None:
        """Stores what has come in, in as few transactions as the database's speed asks for."""
        while self._pending:
            pending, self._pending = self._pending, []
            by_attempt: dict[tuple[UUID, int], list[Chunk]] = {}
            for attempt, epoch, chunk in pending:
                by_attempt.setdefault((attempt, epoch), []).append(chunk)
            for (attempt, epoch), chunks in by_attempt.items():
                await self._store_one(attempt, epoch, chunks)

    async def _store_one(self, attempt: UUID, epoch: int, chunks: list[Chunk]) -> None:
        try:
            answer = await writer.run(attempts.append_log, self._machine_id, attempt, epoch, chunks)
        except logs.LogRefused as refusal:
            answer = frames.Error(refusal.code, str(refusal), attempt_id=str(attempt))
        except Exception:
            # Nothing is acknowledged, so nothing is lost: the agent sends it again when it is back.
            logger.exception("Storing log lines of attempt %s failed.", attempt)
            await self.close(code=4011)
            return
        await self._say(answer)

    # --- Words ----------------------------------------------------------------------------------

    async def _take_error(self, frame: frames.Error) -> None:
        logger.warning("Agent %s says: %s (%s)", self.machine, frame.message[:300], frame.code[:40])

    async def _say(self, frame: frames.Frame) -> None:
        # To an agent that has just gone there is nothing to say: it asks again when it is back.
        with suppress(SocketClosed):
            await self.send(text_data=frames.encode(frame))

    async def _refuse(self, refusal: Refused) -> None:
        await self._say(frames.Error(refusal.code, str(refusal), fatal=True))
        await self.close(code=4000)

    def _too_slow(self) -> None:
        self._closing = asyncio.ensure_future(self.close(code=4008))

    @property
    def _machine_id(self) -> int:
        assert self.machine is not None  # noqa: S101 - no handler runs before the handshake
        return self.machine.pk


_HANDLERS: dict[type, Handler] = {
    frames.Hello: AgentConsumer._take_hello,
    frames.Proof: AgentConsumer._take_proof,
    frames.Heartbeat: AgentConsumer._take_heartbeat,
    frames.Capabilities: AgentConsumer._take_capabilities,
    frames.Deregister: AgentConsumer._take_deregister,
    frames.Accepted: AgentConsumer._take_accepted,
    frames.Started: AgentConsumer._take_started,
    frames.Finished: AgentConsumer._take_finished,
    frames.ArtifactPart: AgentConsumer._take_part,
    frames.Error: AgentConsumer._take_error,
}


def _no_common_version(theirs: list[int]) -> str:
    ours = ", ".join(map(str, protocol.VERSIONS))
    if theirs and min(theirs) > max(protocol.VERSIONS):
        advice = "The agent is newer than the server: update the server, or install the agent that it offers."
    else:
        advice = "The agent is older than the server: install the agent that the server offers."
    return f"This server speaks version {ours} of the protocol, and this agent does not. {advice}"


def _find(agent_id: str) -> Machine | None:
    try:
        return Machine.objects.filter(agent_id=UUID(agent_id)).first()
    except ValueError:
        return None
