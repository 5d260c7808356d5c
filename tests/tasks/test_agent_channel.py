"""The conversation with an agent, over the real consumer: who gets in, in which order, with what limits."""

from __future__ import annotations

import asyncio
import secrets
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol import frames, handshake
from protocol.log import Level, Run, Stream, pack, to_message
from tasks.agent_channel import AgentConsumer
from tests.factories import DefaultSpaceFactory, MachineFactory
from workers.models import Health, Machine
from workers.services import server_key

pytestmark = pytest.mark.django_db(transaction=True)


class FakeAgent:
    """An agent's half of the conversation, told frame by frame what to say."""

    def __init__(self, machine: Machine, key: Ed25519PrivateKey) -> None:
        self.machine = machine
        self.key = key
        self.socket = WebsocketCommunicator(AgentConsumer.as_asgi(), "/agent/ws/")

    async def say(self, frame: frames.Frame) -> frames.Frame:
        await self.socket.send_to(text_data=frames.encode(frame))
        return await self.hear()

    async def hear(self) -> frames.Frame:
        return frames.decode(await self.socket.receive_from(timeout=5))

    async def greet(self) -> frames.Challenge:
        await self.socket.connect()
        self.nonce = secrets.token_hex(16)
        self.challenge = await self.say(frames.Hello(str(self.machine.agent_id), self.nonce, [1]))
        return self.challenge

    def transcript(self, role: str) -> bytes:
        return handshake.transcript(
            role=role,
            agent_id=str(self.machine.agent_id),
            agent_nonce=self.nonce,
            server_nonce=self.challenge.nonce,
            server_key=self.challenge.server_key,
        )

    def proof(self, *, key: Ed25519PrivateKey | None = None) -> frames.Proof:
        signature = (key or self.key).sign(self.transcript("agent")).hex()
        return frames.Proof(signature, "0.1.0", "boot", {"os": "Linux", "shells": {"bash": "5"}}, [])

    async def join(self) -> frames.Welcome:
        await self.greet()
        return await self.say(self.proof())


@pytest.fixture
def agent(transactional_db) -> FakeAgent:
    key = Ed25519PrivateKey.generate()
    space = DefaultSpaceFactory()
    machine = MachineFactory(
        space=space,
        name="sql-dev-01",
        public_key=key.public_key().public_bytes_raw().hex(),
        health=Health.UNAVAILABLE,
        channel="",
    )
    return FakeAgent(machine, key)


async def reload(machine: Machine) -> Machine:
    return await sync_to_async(Machine.objects.get)(pk=machine.pk)


async def refusal(agent: FakeAgent, frame: frames.Frame) -> str:
    """The code with which the server ends the conversation."""
    answer = await agent.say(frame)
    assert isinstance(answer, frames.Error)
    assert answer.fatal
    assert (await agent.socket.receive_output())["type"] == "websocket.close"
    return answer.code


async def test_both_sides_prove_their_keys_and_the_worker_is_healthy(agent):
    await agent.greet()
    transcript = agent.transcript("server")
    assert server_key.verify(agent.challenge.server_key, agent.challenge.signature, transcript)
    welcome = await agent.say(agent.proof())
    assert (welcome.name, welcome.attempts) == ("sql-dev-01", [])
    machine = await reload(agent.machine)
    assert machine.health == Health.HEALTHY
    assert machine.is_connected
    await agent.socket.disconnect()
    assert not (await reload(agent.machine)).is_connected


async def test_a_wrong_key_is_refused_and_changes_nothing(agent):
    await agent.greet()
    assert await refusal(agent, agent.proof(key=Ed25519PrivateKey.generate())) == "bad_signature"
    assert (await reload(agent.machine)).health == Health.UNAVAILABLE


async def test_a_signature_of_another_connection_is_refused(agent):
    await agent.greet()
    stolen = agent.proof()
    thief = FakeAgent(agent.machine, agent.key)
    await thief.greet()
    assert await refusal(thief, stolen) == "bad_signature"


async def test_an_unknown_agent_is_refused(agent):
    await agent.greet()
    await sync_to_async(Machine.objects.filter(pk=agent.machine.pk).update)(agent_id=uuid4())
    assert await refusal(agent, agent.proof()) == "unknown_agent"


async def test_a_revoked_key_is_refused(agent):
    await sync_to_async(Machine.objects.filter(pk=agent.machine.pk).update)(is_revoked=True)
    await agent.greet()
    assert await refusal(agent, agent.proof()) == "revoked"


@pytest.mark.parametrize(
    ("versions", "advice"), [([98, 99], "update the server"), ([0], "agent is older"), ([], "agent is older")]
)
async def test_an_agent_of_another_protocol_is_told_what_to_do(agent, versions, advice):
    await agent.socket.connect()

    answer = await agent.say(frames.Hello(str(agent.machine.agent_id), "n", versions))

    assert (answer.code, answer.fatal) == ("unsupported_version", True)
    assert "version 1 of the protocol" in answer.message
    assert advice in answer.message
    assert (await agent.socket.receive_output())["type"] == "websocket.close"


async def test_an_agent_that_speaks_newer_versions_too_is_spoken_to_in_ours(agent):
    await agent.socket.connect()
    challenge = await agent.say(frames.Hello(str(agent.machine.agent_id), "n", [1, 2, 99]))
    assert challenge.version == 1


async def test_what_a_newer_agent_says_more_disturbs_nothing(agent):
    await agent.join()

    for text, code in (
        ('{"type": "weather.v1", "sun": true}', "unknown_type"),
        ('{"type": "heartbeat.v2", "time": 1.0}', "unknown_type"),
        ('{"type": "heartbeat.v1", "time": 1.0}', "bad_value"),
    ):
        await agent.socket.send_to(text_data=text)
        answer = await agent.hear()
        assert (answer.code, answer.fatal) == (code, False)
    more = '{"type": "heartbeat.v1", "time": 1.0, "busy": 0, "disk_free": 0, "mood": "good"}'
    await agent.socket.send_to(text_data=more)
    assert isinstance(await agent.hear(), frames.HeartbeatAck)


@pytest.mark.parametrize("frame", [frames.Heartbeat(0.0, 0, 0), frames.Proof("", "", "", {}, [])])
async def test_nothing_is_said_before_the_handshake(agent, frame):
    await agent.socket.connect()
    assert await refusal(agent, frame) == "out_of_order"


async def test_log_lines_before_the_handshake_end_the_conversation(agent):
    await agent.socket.connect()
    await agent.socket.send_to(bytes_data=b"x" * 100)
    assert (await agent.hear()).code == "out_of_order"


async def test_a_second_hello_ends_the_conversation(agent):
    await agent.join()
    assert await refusal(agent, frames.Hello("x", "n", [1])) == "out_of_order"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", "malformed"),
        ('{"type":"nonsense.v1"}', "unknown_type"),
        ('{"type":"heartbeat.v1"}', "bad_value"),
    ],
)
async def test_a_frame_that_is_none_gets_an_error_and_the_conversation_goes_on(agent, text, code):
    await agent.join()
    await agent.socket.send_to(text_data=text)
    assert (await agent.hear()).code == code
    assert isinstance(await agent.say(frames.Heartbeat(0.0, 0, 10**12)), frames.HeartbeatAck)


async def test_a_frame_that_only_a_server_sends_is_refused(agent):
    await agent.join()
    answer = await agent.say(frames.Settled("x", 1))
    assert (answer.code, answer.fatal) == ("unexpected", False)


async def test_a_chunk_for_somebody_elses_attempt_is_refused(agent):
    await agent.join()
    chunk = pack(0, [Run(0, Stream.STDOUT, Level.INFO, b"hello\n")])
    await agent.socket.send_to(bytes_data=to_message(uuid4().bytes, 1, chunk))
    assert isinstance(await agent.hear(), frames.Forget)


async def test_bytes_that_are_no_chunk_get_an_error(agent):
    await agent.join()
    await agent.socket.send_to(bytes_data=b"short")
    assert (await agent.hear()).code == "bad_chunk"


async def test_low_disk_is_a_warning(agent):
    await agent.join()
    await agent.say(frames.Heartbeat(0.0, 0, 10**9))
    machine = await reload(agent.machine)
    assert machine.health == Health.HAS_WARNINGS
    assert "1.0 GB free" in machine.health_reason


async def test_an_agent_that_is_revoked_while_connected_is_put_out_at_its_heartbeat(agent):
    await agent.join()
    await sync_to_async(Machine.objects.filter(pk=agent.machine.pk).update)(is_revoked=True)
    assert await refusal(agent, frames.Heartbeat(0.0, 0, 0)) == "revoked"


async def test_the_newer_connection_of_one_agent_stays(agent):
    await agent.join()
    twin = FakeAgent(agent.machine, agent.key)
    await twin.join()
    assert (await agent.hear()).code == "replaced"
    await agent.socket.disconnect()
    assert (await reload(agent.machine)).is_connected
    await twin.socket.disconnect()


async def test_a_silent_stranger_is_shown_out(agent, monkeypatch):
    monkeypatch.setattr("tasks.agent_channel.HANDSHAKE_SECONDS", 0.01)
    await agent.socket.connect()
    async with asyncio.timeout(5):
        assert (await agent.socket.receive_output())["code"] == 4008


async def test_an_agent_that_leaves_is_forgotten(agent):
    await agent.join()
    assert isinstance(await agent.say(frames.Deregister()), frames.Deregistered)
    assert not await sync_to_async(Machine.objects.filter(pk=agent.machine.pk).exists)()
