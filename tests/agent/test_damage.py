"""A log that the worker's disk has damaged: what can be read arrives, the gap is said, and the run ends."""

from __future__ import annotations

import os
import struct
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import log
from protocol.frames import Capabilities, CapabilitiesRequest, Error, Finished, LogAck, encode
from protocol.log import HEADER_BYTES, BadChunk, Stream, unpack
from tests.agent.fake_server import FakeServer
from tests.agent.test_recovery import SLOW
from tests.agent.waiting import until


@pytest.fixture(autouse=True)
def checking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes nothing but whole chunks, in their order, as the real one does."""
    keep = FakeServer._store

    async def store(self: FakeServer, socket, message: bytes) -> None:
        address, epoch, chunk = log.from_message(message)
        attempt_id = str(uuid.UUID(bytes=address))
        stored = self.log(attempt_id)
        try:
            unpack(chunk)
        except BadChunk as error:
            await socket.send(encode(Error("bad_chunk", str(error), attempt_id)))
            return
        if chunk.first_seq > stored.next_seq:
            await socket.send(encode(LogAck(attempt_id, epoch, stored.next_seq, resend=True)))
            return
        await keep(self, socket, message)

    monkeypatch.setattr(FakeServer, "_store", store)


def damage(path: Path, where: str) -> None:
    """One byte of the record in the middle: of its content, or of the length that stands before it."""
    data = bytearray(path.read_bytes())
    starts = [0]
    while starts[-1] < len(data):
        (length,) = struct.unpack_from(">I", data, starts[-1])
        starts.append(starts[-1] + 4 + length)
    middle = starts[len(starts) // 2]
    with path.open("r+b") as file:
        at = middle + (4 + HEADER_BYTES + 5 if where == "content" else 1)
        file.seek(at)
        file.write(bytes([data[at] ^ 0xFF]))


def is_settled(server: FakeServer, attempt_id: str, seen: int) -> bool:
    """Whether an end is told, from frame number `seen` on, that fits what is stored."""
    stored = server.log(attempt_id)
    ends = [one for one in server.frames[seen:] if isinstance(one, Finished)]
    return any((one.lines, one.sha256) == (stored.next_seq, stored.sha256) for one in ends)


@pytest.mark.parametrize("where", ["content", "length"])
async def test_damage_is_said_in_the_log_and_the_run_ends(scenario, server, worker, where):
    attempt_id, first = await scenario.run("for i in $(seq 200); do echo line $i; sleep 0.01; done; exit 3")
    folder, stored = worker.folder(attempt_id), server.log(attempt_id)
    whole = stored.content
    damage(folder.spool, where)
    stored.chunks.clear()
    seen = len(server.frames)

    await server.send(LogAck(attempt_id, 1, 0, resend=True))

    await server.until(lambda: is_settled(server, attempt_id, seen))
    finished = [one for one in server.frames if isinstance(one, Finished)][-1]
    assert (finished.exit_code, finished.sha256) == (3, stored.sha256)
    runs = stored.runs()
    assert runs[-1].stream is Stream.AGENT
    kept = b"".join(run.data for run in runs[:-1])
    assert 0 < len(kept) < len(whole)
    assert whole.startswith(kept)
    missing = first.lines - kept.count(b"\n")
    assert f"{missing:,} lines are missing here" in runs[-1].data.decode()


@pytest.mark.parametrize("where", ["content", "length"])
async def test_damage_while_the_script_runs_does_not_stop_it_nor_fill_the_line(
    scenario, server, worker, tmp_path, where
):
    go = tmp_path / "go"
    attempt_id, _ = await scenario.started(SLOW.format(go=go))
    stored = server.log(attempt_id)
    await server.until(lambda: stored.next_seq > 50)
    damage(worker.folder(attempt_id).spool, where)
    stored.chunks.clear()

    await server.send(LogAck(attempt_id, 1, 0, resend=True))
    await server.send(CapabilitiesRequest())
    await server.expect(Capabilities)
    go.touch()

    await server.until(lambda: is_settled(server, attempt_id, 0))
    assert stored.runs()[-1].stream is Stream.AGENT
    assert worker.errors.count("bad_chunk") < 5
    assert server.count(Finished) < 5


async def test_log_that_did_not_reach_the_disk_before_the_machine_fell_is_not_waited_for(
    scenario, server, worker
):
    attempt_id, first = await scenario.run("seq 1000")
    folder, stored = worker.folder(attempt_id), server.log(attempt_id)
    worker.kill()
    await until(lambda: folder.read_exit())
    os.truncate(folder.spool, folder.spool.stat().st_size - 10)
    folder.write_journal(replace(folder.read_journal(), boot_id="before the fall"))
    stored.chunks.clear()
    seen = len(server.frames)

    worker.start()

    finished = await server.expect(Finished, after=seen, attempt_id=attempt_id)
    await server.until(lambda: stored.next_seq == finished.lines)
    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    assert finished.lines < first.lines
    assert stored.sha256 == finished.sha256
    assert stored.runs()[-1].stream is Stream.AGENT
