"""Processes killed, connections cut: nothing lost, nothing twice, and what is not known is said."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from dataclasses import replace

from agent.host import boot_id
from agent.journal import STARTING
from protocol.frames import Accepted, Cancel, Finished, LogAck, Settled, Start, Started, Verdict
from tests.agent.waiting import is_alive, until

#: Prints numbered lines until a file appears.
SLOW = "i=0; until [ -e {go} ]; do i=$((i+1)); echo line $i; sleep 0.01; done; echo end"


def numbered(content: bytes) -> bool:
    lines = content.decode().splitlines()
    return lines == [f"line {number}" for number in range(1, len(lines))] + ["end"]


async def test_script_survives_the_agents_death(scenario, server, worker, tmp_path):
    go = tmp_path / "go"
    attempt_id, started = await scenario.started(SLOW.format(go=go))
    await server.until(lambda: server.log(attempt_id).next_seq > 20)

    worker.kill()
    size = worker.folder(attempt_id).spool.stat().st_size
    await until(lambda: worker.folder(attempt_id).spool.stat().st_size > size)
    worker.start()
    await server.connected(2)

    held = server.proofs[-1].attempts[0]
    assert (held.attempt_id, held.epoch, held.state) == (attempt_id, 1, "running")
    assert held.next_seq >= server.log(attempt_id).next_seq > 20
    go.touch()
    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    assert numbered(server.log(attempt_id).content)
    assert server.count(Started) == 2
    assert finished.started == started.time


async def test_script_that_ends_while_no_agent_is_there_is_reported_later(scenario, server, worker, tmp_path):
    go = tmp_path / "go"
    attempt_id, _ = await scenario.started(SLOW.format(go=go))
    worker.kill()

    go.touch()
    await until(lambda: worker.folder(attempt_id).read_exit())
    worker.start()
    await server.connected(2)

    assert server.proofs[-1].attempts[0].state == "finished"
    assert (await scenario.finish(attempt_id)).exit_code == 0


async def test_result_is_repeated_until_it_is_settled_also_after_a_restart(scenario, server, worker):
    attempt_id, first = await scenario.run("echo x")
    assert await asyncio.to_thread(worker.stop) == 0
    seen = len(server.frames)

    worker.start()

    again = await server.expect(Finished, after=seen, attempt_id=attempt_id)
    assert again == first
    await scenario.settle(attempt_id)
    await until(lambda: not worker.folder(attempt_id).path.exists())


async def test_cut_connection_costs_and_doubles_nothing(scenario, server, tmp_path):
    go = tmp_path / "go"
    attempt_id, _ = await scenario.started(SLOW.format(go=go))

    for times in range(2, 6):
        have = server.log(attempt_id).next_seq
        await server.until(lambda have=have: server.log(attempt_id).next_seq > have + 5)
        await server.cut()
        await server.connected(times)
    go.touch()
    await scenario.finish(attempt_id)

    stored = server.log(attempt_id)
    assert numbered(stored.content)
    # Each connection goes on where the server's answer says, so that nothing is sent twice.
    assert stored.received == len(stored.chunks)


async def test_log_is_sent_again_from_where_the_server_asks(scenario, server):
    attempt_id, first = await scenario.run("seq 20000")
    stored, seen = server.log(attempt_id), len(server.frames)
    content = stored.content
    stored.chunks.clear()

    await server.send(LogAck(attempt_id, 1, 0, resend=True))

    again = await server.expect(Finished, after=seen, attempt_id=attempt_id)
    assert again == first
    assert stored.content == content


async def test_killed_shim_is_unknown_with_the_evidence_and_never_run_again(
    scenario, server, worker, tmp_path
):
    count = tmp_path / "count"
    script = f"echo x >> {count}; echo begun; sleep 300"
    attempt_id, started = await scenario.started(script)
    await server.until(lambda: server.log(attempt_id).content)
    shim = worker.folder(attempt_id).read_shim()

    os.kill(shim.pid, signal.SIGKILL)

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code, finished.lines) == ("unknown", None, 1)
    assert f"process {started.pid}, which is still there" in finished.message
    assert "line 1" in finished.message
    seen = len(server.frames)
    await server.send(Start(attempt_id, 1, "bash", script))
    await server.expect(Finished, after=seen, outcome="unknown")
    assert count.read_text() == "x\n"
    os.killpg(started.pid, signal.SIGKILL)


async def test_shim_and_agent_killed_together_are_unknown_after_the_restart(scenario, server, worker):
    attempt_id, started = await scenario.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    shim = worker.folder(attempt_id).read_shim()
    worker.kill()
    os.kill(shim.pid, signal.SIGKILL)
    os.killpg(started.pid, signal.SIGKILL)
    await until(lambda: not is_alive(started.pid))

    worker.start()
    await server.connected(2)

    assert server.proofs[-1].attempts[0].state == "unknown"
    finished = await scenario.finish(attempt_id)
    assert "no longer there" in finished.message


async def test_restart_of_the_machine_is_evidence(scenario, server, worker):
    attempt_id, started = await scenario.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    folder = worker.folder(attempt_id)
    shim = folder.read_shim()
    worker.kill()
    os.kill(shim.pid, signal.SIGKILL)
    os.killpg(started.pid, signal.SIGKILL)
    folder.write_journal(replace(folder.read_journal(), boot_id="another boot"))

    worker.start()

    finished = await scenario.finish(attempt_id)
    assert finished.outcome == "unknown"
    assert "restarted" in finished.message


async def test_start_that_no_shim_took_up_is_provably_not_started(scenario, server, worker):
    attempt_id = await scenario.accept()
    worker.kill()
    folder = worker.folder(attempt_id)
    folder.write_journal(replace(folder.read_journal(), phase=STARTING))
    assert folder.read_journal().boot_id == boot_id()

    worker.start()

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.started) == ("not_started", None)


async def test_accepted_attempt_survives_a_restart_and_can_start(scenario, server, worker):
    attempt_id = await scenario.accept()
    worker.kill()
    seen = len(server.frames)

    worker.start()

    await server.expect(Accepted, after=seen, attempt_id=attempt_id)
    assert server.proofs[-1].attempts[0].state == "accepted"
    await server.send(Start(attempt_id, 1, "bash", "true"))
    assert (await scenario.finish(attempt_id)).exit_code == 0


async def test_server_may_have_a_held_attempt_forgotten(scenario, server, worker):
    attempt_id = await scenario.accept()
    worker.kill()
    server.verdicts[attempt_id] = Verdict(attempt_id, "forget", 0)

    worker.start()

    await until(lambda: not worker.folder(attempt_id).path.exists())


async def test_cancel_reaches_the_script_across_a_restart(scenario, server, worker):
    attempt_id, _ = await scenario.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)
    worker.kill()
    server.verdicts[attempt_id] = Verdict(attempt_id, "adopt", server.log(attempt_id).next_seq, cancel=True)

    worker.start()

    assert (await scenario.finish(attempt_id)).outcome == "canceled"


async def test_cancelled_unstarted_attempt_stays_cancelled_across_a_restart(scenario, server, worker):
    attempt_id = await scenario.accept()
    await server.send(Cancel(attempt_id, 1, 1.0))
    await scenario.finish(attempt_id)
    worker.kill()
    seen = len(server.frames)

    worker.start()

    await server.expect(Finished, after=seen, attempt_id=attempt_id, outcome="canceled")


async def test_dead_zygote_is_replaced_and_its_shims_go_on(scenario, server, worker, tmp_path):
    go = tmp_path / "go"
    attempt_id, _ = await scenario.started(SLOW.format(go=go))
    zygote = zygote_of(worker.pid)

    os.kill(zygote, signal.SIGKILL)

    _, finished = await scenario.run("echo new")
    assert finished.exit_code == 0
    assert zygote_of(worker.pid) != zygote
    go.touch()
    assert (await scenario.finish(attempt_id)).exit_code == 0


async def test_job_that_a_dying_zygote_swallowed_is_handed_over_again(scenario, server, worker, tmp_path):
    count = tmp_path / "count"
    zygote = zygote_of(worker.pid)
    os.kill(zygote, signal.SIGSTOP)
    attempt_id = await scenario.start(f"echo x >> {count}")
    await until(lambda: worker.folder(attempt_id).read_journal().phase == STARTING)

    os.kill(zygote, signal.SIGKILL)

    assert (await scenario.finish(attempt_id)).exit_code == 0
    assert count.read_text() == "x\n"


async def test_many_at_once_each_once(scenario, server, tmp_path):
    async def one(number: int) -> None:
        attempt_id, finished = await scenario.run(f"echo {number} >> {tmp_path}/ran; echo {number}")
        assert server.log(attempt_id).content == b"%d\n" % number
        assert finished.exit_code == 0
        await server.send(Settled(attempt_id, 1))

    await asyncio.gather(*map(one, range(40)))

    assert sorted(map(int, (tmp_path / "ran").read_text().split())) == list(range(40))


def zygote_of(pid: int) -> int:
    answer = subprocess.run(
        ["pgrep", "-P", str(pid), "-f", "zygote"], capture_output=True, text=True, check=True
    )
    return int(answer.stdout.split()[0])
