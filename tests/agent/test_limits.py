"""What a script may print at most, and how much of it is under way at once."""

from __future__ import annotations

import re

from protocol import LOG_WINDOW
from protocol.frames import Capabilities, CapabilitiesRequest, LogAck
from protocol.log import Level, Stream
from tests.agent.conftest import AgentProcess, Scenario

#: Prints as many lines as the file says when it is done.
LOUD = """\
import base64, os, sys
for number in range(40_000):
    print(number, base64.b64encode(os.urandom(60)).decode())
print("last", file=sys.stderr)
"""


async def test_log_beyond_the_limit_is_counted_and_the_script_goes_on(server, worker: AgentProcess):
    worker.start("--log-limit", "1")
    await server.connected()
    scenario = Scenario(server)

    attempt_id, finished = await scenario.run(LOUD, syntax="python")

    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    runs = server.log(attempt_id).runs()
    last = runs[-1]
    assert (last.stream, last.level) == (Stream.AGENT, Level.WARNING)
    said = re.search(
        rb"limit of 1,048,576 bytes on this worker: ([\d,]+) further lines \(([\d,]+) bytes\)", last.data
    )
    lines, size = (int(number.replace(b",", b"")) for number in said.groups())
    kept = [run for run in runs if run.stream is not Stream.AGENT]
    assert lines > 10_000
    assert sum(run.lines for run in kept) + lines == 40_001
    numbers = [int(line.split()[0]) for run in kept for line in run.data.splitlines()]
    assert numbers == list(range(len(numbers)))
    assert (
        size == (40_000 - len(numbers)) * 81 + sum(len(str(n)) + 1 for n in range(len(numbers), 40_000)) + 5
    )
    # A spool is no larger than its limit, a chunk and a few words.
    assert worker.folder(attempt_id).spool.stat().st_size < 1.5 * 1024 * 1024


async def test_window_opens_as_far_as_the_server_has_stored(server, scenario):
    server.acknowledge = False
    attempt_id = await scenario.start(
        "for i in $(seq 80); do head -c 300000 /dev/urandom | base64 -w 79; done"
    )
    stored = server.log(attempt_id)
    await server.until(lambda: stored.received == LOG_WINDOW)
    third = sorted(stored.chunks)[3]

    await server.send(LogAck(attempt_id, 1, third))

    await server.until(lambda: stored.received == LOG_WINDOW + 3)
    await server.send(CapabilitiesRequest())
    await server.expect(Capabilities)
    assert stored.received == LOG_WINDOW + 3
    server.acknowledge = True
    await server.send(LogAck(attempt_id, 1, stored.next_seq))
    assert (await scenario.finish(attempt_id)).exit_code == 0


async def test_acknowledgements_out_of_order_and_twice_move_nothing_back(server, scenario):
    attempt_id, finished = await scenario.run("seq 50000")
    received = server.log(attempt_id).received

    for next_seq in (0, finished.lines, 10, finished.lines + 5, 0):
        await server.send(LogAck(attempt_id, 1, next_seq))
    await scenario.run("true")

    assert server.log(attempt_id).received == received
