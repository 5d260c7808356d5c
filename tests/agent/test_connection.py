"""Who talks to whom: proofs both ways, refusals, silence."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import keys
from agent.config import Registration
from agent.deregistration import NotDeregistered, deregister, forget
from agent.runner import LONGEST_DELAY, Backoff
from protocol.frames import Accepted, Assign, Deregister, Deregistered, Error, Heartbeat, Hello, encode
from tests.agent.fake_server import FakeServer
from tests.agent.waiting import until

#: For PYTHONPATH: makes an fsync take CHAOS_FSYNC seconds.
SLOW = Path(__file__).parents[1] / "harness" / "site"


class Impostor:
    """Knows the server's public key and signs with another one."""

    def __init__(self, public_key: str) -> None:
        self._public_key = bytes.fromhex(public_key)
        self._own = Ed25519PrivateKey.generate()

    def public_key(self) -> Impostor:
        return self

    def public_bytes_raw(self) -> bytes:
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        return self._own.sign(data)


def status(worker) -> dict:
    path = worker.home.status
    return json.loads(path.read_bytes()) if path.exists() else {}


async def test_agent_proves_its_key_and_says_what_it_is(scenario, server, worker):
    proof = server.proofs[0]

    assert proof.capabilities["agent_version"] == proof.agent_version
    assert proof.boot_id
    assert proof.attempts == []
    await until(lambda: status(worker).get("connected") is True)


async def test_agent_beats(scenario, server):
    beat = await server.expect(Heartbeat)

    assert beat.busy == 0
    assert beat.disk_free > 0


async def test_server_with_another_key_gets_nothing(server, worker):
    registration = Registration.load(worker.home)
    other = keys.Key(secrets.token_bytes(32)).public.hex()
    replace(registration, server_key=other).save(worker.home)

    worker.start()

    await until(lambda: "another key than at registration" in status(worker).get("message", ""))
    assert server.proofs == []
    assert status(worker)["connected"] is False


async def test_server_that_only_shows_the_right_key_gets_nothing(server, worker):
    server.key = Impostor(server.public_key)

    worker.start()

    await until(lambda: "could not prove" in status(worker).get("message", ""))
    assert server.proofs == []


async def test_revoked_agent_says_so_and_does_not_hammer(server, worker):
    server.refusal = Error("revoked", "This worker was revoked.", None, fatal=True)

    worker.start()

    await until(lambda: "was revoked" in status(worker).get("message", ""))
    assert "revoked" in worker.errors
    assert server.count(Hello) == 1


def _status_command(worker) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "--home", str(worker.home.path), "status"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("older", ["agent", "server"])
async def test_server_of_another_protocol_is_tried_slowly_and_status_says_why(server, worker, older):
    if older == "agent":
        server.refusal = Error("unsupported_version", "Install the agent that the server offers.", None, True)
    else:
        server.version = 99
    worker.start()
    await until(lambda: "(unsupported_version)" in status(worker).get("message", ""))
    said = await asyncio.to_thread(_status_command, worker)
    assert said.returncode == 1
    assert "unsupported_version" in said.stdout
    assert "Tried again every 60 s" in said.stdout


async def test_status_tells_since_when_it_is_not_connected(scenario, server, worker):
    await server.stop()
    await until(lambda: status(worker).get("connected") is False)
    since = status(worker)["since"]

    await until(lambda: worker.errors.count("Not connected") >= 3)

    assert status(worker)["since"] == since


async def test_agent_comes_back_when_the_server_does(scenario, server, worker):
    port = server.port
    await server.stop()
    await until(lambda: status(worker).get("connected") is False)

    await server.start(port)

    await server.connected(2)


async def test_silent_server_is_left(server, worker, monkeypatch):
    server.heartbeat_seconds = 1
    monkeypatch.setattr("tests.agent.fake_server.HeartbeatAck", lambda time: Error("quiet", "", None))
    real = encode
    monkeypatch.setattr(
        "tests.agent.fake_server.encode", lambda frame: real(frame) if frame.TYPE != "error.v1" else " "
    )
    monkeypatch.setattr(FakeServer, "_receive", _hear_nothing)

    worker.start()

    await server.connected(2)
    assert "silent" in worker.errors


async def _hear_nothing(self: FakeServer, socket: object) -> None:
    async for _ in socket:  # type: ignore[attr-defined]
        continue


async def test_second_agent_in_one_home_is_refused(scenario, worker):
    other = type(worker)(worker.home, worker.home.path / "other.err")
    other.start()

    code = await asyncio.to_thread(other._process.wait, 20)

    assert code == 75
    assert "already runs" in other.errors


async def test_damaged_key_is_a_sentence(worker):
    worker.home.key.write_text("nonsense")

    worker.start()

    assert await asyncio.to_thread(worker._process.wait, 20) == 3
    assert "Traceback" not in worker.errors


# --- Leaving ---------------------------------------------------------------------------------


async def _leave(home) -> None:
    await asyncio.to_thread(deregister, Registration.load(home), keys.load(home.key))


async def test_deregistering_tells_the_server(server, home):
    leaving = asyncio.create_task(_leave(home))
    await server.expect(Deregister)
    await server.send(Deregistered())

    await leaving

    forget(home)
    assert not home.key.exists()
    assert not home.registration.exists()


async def test_deregistering_without_a_server_says_why(server, home):
    await server.stop()

    with pytest.raises(NotDeregistered, match="cannot be reached"):
        await _leave(home)


async def test_deregistering_what_is_revoked_already_is_done(server, home):
    server.refusal = Error("revoked", "This worker was revoked.", None, fatal=True)

    await _leave(home)


def test_tries_come_at_once_then_further_and_further_apart():
    backoff = Backoff(chance=lambda: 1.0)

    delays = [backoff.next() for _ in range(10)]

    assert delays[:4] == [0.0, 0.2, 0.4, 0.8]
    assert delays[-1] == LONGEST_DELAY
    backoff.reset()
    assert backoff.next() == 0.0
    assert Backoff(chance=lambda: 0.0).next() == 0.0


async def test_what_was_accepted_while_the_line_broke_is_said_on_the_next(server, worker):
    """The disk takes longer for the journal than the agent for a new connection, on which it has not told
    of the attempt: the server assigns it anew."""
    worker.start(PYTHONPATH=str(SLOW), CHAOS_FSYNC="1")
    await server.connected()
    assignment = Assign(str(uuid.uuid4()), 1, 7, "Step")
    await server.send(assignment)
    await server.cut()
    await server.connected(2)

    await server.send(assignment)

    await server.expect(Accepted, attempt_id=assignment.attempt_id)
