"""A script from its assignment to its end, on the real agent."""

from __future__ import annotations

import asyncio
import base64
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from protocol import log
from protocol.frames import (
    Accepted,
    Assign,
    Cancel,
    Capabilities,
    CapabilitiesRequest,
    Error,
    Finished,
    Forget,
    LogAck,
    OutputValue,
    Settled,
    Start,
    Started,
    encode,
)
from protocol.log import Level, Stream
from tests.agent.conftest import AgentProcess, Scenario, register
from tests.agent.fake_server import FakeServer
from tests.agent.waiting import is_alive, until

# One agent for all of them, as in life; each test has attempts of its own.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, server: FakeServer, tools: Path
) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("worker")
    process = AgentProcess(register(folder / "home", server, tools), folder / "agent.err")
    yield process
    process.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenario(server: FakeServer, worker: AgentProcess) -> Scenario:
    worker.start()
    await server.connected()
    return Scenario(server)


async def test_script_runs_and_reports_its_log_and_its_exit_code(scenario, server):
    attempt_id, finished = await scenario.run("echo one\necho two >&2\nexit 3\n")

    assert (finished.outcome, finished.exit_code, finished.signal) == ("exited", 3, None)
    runs = server.log(attempt_id).runs()
    assert {(run.stream, run.level, run.data) for run in runs} == {
        (Stream.STDOUT, Level.INFO, b"one\n"),
        (Stream.STDERR, Level.ERROR, b"two\n"),
    }


async def test_python_script_gets_variables_and_environment(scenario, server):
    script = "import os\nprinthighlight(get_octopusvariable('Name') + os.environ['PLACE'])\n"

    attempt_id, finished = await scenario.run(
        script, syntax="python", variables={"Name": "Ada"}, environment={"PLACE": "London"}
    )

    assert finished.exit_code == 0
    assert (Level.HIGHLIGHT, b"AdaLondon\n") in [
        (run.level, run.data) for run in server.log(attempt_id).runs()
    ]


async def test_script_begins_in_an_empty_folder_that_goes_away(scenario, server, worker, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("kept")
    script = f"ls -A; mkdir -p d/e; touch d/e/f; ln -s {tmp_path} d/link; chmod 500 d/e d; pwd"
    attempt_id, _ = await scenario.run(script)
    folder = worker.folder(attempt_id)
    assert server.log(attempt_id).content.decode().splitlines() == [str(folder.work)]

    await scenario.settle(attempt_id)

    await until(lambda: not folder.path.exists())
    await until(lambda: not any(worker.home.trash.iterdir()))
    assert outside.read_text() == "kept"


async def test_nothing_secret_stands_in_arguments_or_stays_on_the_disk(scenario, server, worker):
    secret = "swordfish-4711"
    script = f"echo {secret}; tr '\\0' ' ' < /proc/$$/cmdline; exit 0"

    attempt_id, _ = await scenario.run(
        script, secrets=[secret], variables={"V": secret}, environment={"E": secret}
    )

    lines = server.log(attempt_id).content
    assert lines.startswith(b"********\nbash ")
    for path in worker.home.path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


async def test_secrets_are_masked_across_writes_and_in_other_forms(scenario, server):
    encoded = base64.b64encode(b"swordfish-4711").decode()
    script = f"printf 'a sword'; sleep 0.3; printf 'fish-4711 b\\n'; echo {encoded}; printf sword"

    attempt_id, _ = await scenario.run(script, secrets=["swordfish-4711"])

    assert server.log(attempt_id).content == b"a ******** b\n********\nsword"


async def test_what_cannot_start_says_why(scenario):
    cases = [
        ({"environment": {"LD_PRELOAD": "/tmp/x.so"}}, "LD_PRELOAD"),
        ({"environment": {"PATH": "/tmp"}}, "PATH"),
        ({"secrets": ["abc"]}, "fewer than 4"),
        ({"syntax": "fortran"}, "fortran"),
        ({"environment": {"BIG": "x" * 300_000}}, "could not be started"),
    ]
    for more, reason in cases:
        _, finished = await scenario.run("echo no", **more)

        assert (finished.outcome, finished.exit_code, finished.started) == ("not_started", None, None)
        assert reason in finished.message


async def test_killed_script_is_signalled(scenario):
    _, finished = await scenario.run("kill -9 $$")

    assert (finished.outcome, finished.exit_code, finished.signal) == ("signalled", None, 9)


async def test_lines_arrive_while_the_script_runs(scenario, server, tmp_path):
    go = tmp_path / "go"
    attempt_id = await scenario.start(
        f"echo first; printf 'no end'; until [ -e {go} ]; do sleep 0.05; done; echo x"
    )

    await server.until(lambda: server.log(attempt_id).content == b"first\nno end")
    assert not server.count(Finished, attempt_id=attempt_id)
    go.touch()
    await scenario.finish(attempt_id)

    runs = server.log(attempt_id).runs()
    assert [(run.data, run.continues) for run in runs] == [
        (b"first\n", False),
        (b"no end", False),
        (b"x\n", True),
    ]


async def test_output_variables_come_with_the_end_and_sensitive_ones_are_masked_from_then_on(
    scenario, server, worker
):
    script = (
        "set_octopusvariable Path one; set_octopusvariable path two\n"
        "set_octopusvariable Token 'correct horse' -sensitive\n"
        "echo token: correct horse; printf 'user:correct horse' | base64\n"
        "exit 3\n"
    )

    attempt_id, finished = await scenario.run(script)

    assert finished.exit_code == 3
    assert finished.outputs == [OutputValue("path", "two"), OutputValue("Token", "correct horse", True)]
    content = server.log(attempt_id).content
    assert b"token: ********\n" in content
    assert b"correct" not in content
    assert base64.b64encode(b"correct horse") not in content
    assert base64.b64encode(b"orrect hor") not in content
    assert base64.b64encode(b"two") in content


async def test_output_variable_of_a_megabyte_arrives_whole_and_is_not_shown_piece_by_piece(scenario, server):
    script = "import time\nset_octopusvariable('Big', 'secret ' * 140_000, True)\nprint('after')"

    attempt_id, finished = await scenario.run(script, syntax="python")

    assert finished.outputs == [OutputValue("Big", "secret " * 140_000, True)]
    assert len(server.log(attempt_id).content) < 200


# --- Output that is hard to take --------------------------------------------------------------


async def test_binary_output_and_a_missing_last_line_feed_are_kept(scenario, server):
    script = (
        "import sys\nfor i in range(300):\n sys.stdout.buffer.write(bytes(range(256)))\nsys.stdout.flush()"
    )

    attempt_id, _ = await scenario.run(script, syntax="python")

    assert server.log(attempt_id).content == bytes(range(256)) * 300


async def test_ten_megabytes_in_one_line_are_kept(scenario, server):
    attempt_id, finished = await scenario.run("head -c 10000000 /dev/zero | tr '\\0' x")

    content = server.log(attempt_id).content
    assert content == b"x" * 10_000_000
    assert finished.lines == -(-len(content) // log.MAX_LINE)
    assert [run.continues for run in server.log(attempt_id).runs()] == [False] + [True] * (finished.lines - 1)


async def test_many_lines_are_complete_and_in_order(scenario, server):
    attempt_id, finished = await scenario.run("seq 300000")

    assert finished.lines == 300_000
    assert server.log(attempt_id).content.split() == [b"%d" % number for number in range(1, 300_001)]


async def test_background_process_that_holds_the_output_does_not_hold_the_run(scenario, server, tmp_path):
    mark = tmp_path / "pid"
    attempt_id, finished = await scenario.run(f"sleep 300 & echo $! > {mark}; echo done")

    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    runs = server.log(attempt_id).runs()
    assert runs[0].data == b"done\n"
    assert runs[-1].stream is Stream.AGENT
    assert b"background process" in runs[-1].data
    os.kill(int(mark.read_text()), 9)


async def test_process_that_ends_after_the_script_is_heard_to_its_end(scenario, server):
    attempt_id, _ = await scenario.run(
        'exec > >(while read -r line; do sleep 0.1; echo "<$line>"; done); echo a; echo b'
    )

    assert server.log(attempt_id).content == b"<a>\n<b>\n"


async def test_slow_server_gets_no_more_than_the_window(scenario, server):
    server.acknowledge = False
    attempt_id = await scenario.start(
        "for i in $(seq 70); do head -c 300000 /dev/urandom | base64 -w 79; done"
    )

    await server.until(lambda: server.log(attempt_id).received >= 64)
    await server.send(CapabilitiesRequest())
    await server.expect(Capabilities)
    assert server.log(attempt_id).received == 64

    server.acknowledge = True
    await server.send(LogAck(attempt_id, 1, server.log(attempt_id).next_seq))
    finished = await scenario.finish(attempt_id)
    assert finished.bytes > 28_000_000


# --- Frames twice, late, or wrong --------------------------------------------------------------


async def test_repeated_frames_repeat_answers_and_nothing_else(scenario, server, tmp_path):
    count, go = tmp_path / "count", tmp_path / "go"
    script = f"echo x >> {count}; until [ -e {go} ]; do sleep 0.05; done"
    attempt_id, _ = await scenario.started(script)
    seen = len(server.frames)

    for _ in range(3):
        await server.send(Start(attempt_id, 1, "bash", script))
    await server.expect(Started, after=seen, attempt_id=attempt_id)
    await server.send(Assign(attempt_id, 1, 7, "Step"))
    go.touch()
    await scenario.finish(attempt_id)
    seen = len(server.frames)
    await server.send(Start(attempt_id, 1, "bash", script))
    await server.expect(Finished, after=seen, attempt_id=attempt_id)

    assert count.read_text() == "x\n"


async def test_assignment_repeated_before_the_start_is_accepted_again(scenario, server):
    attempt_id = await scenario.accept()
    seen = len(server.frames)

    await server.send(Assign(attempt_id, 1, 7, "Step"))

    await server.expect(Accepted, after=seen, attempt_id=attempt_id)


async def test_frames_about_unknown_attempts_and_stale_epochs_are_refused(scenario, server):
    stranger = str(uuid.uuid4())
    attempt_id = str(uuid.uuid4())
    await server.send(Assign(attempt_id, 5, 7, "Step"))
    await server.expect(Accepted, attempt_id=attempt_id, epoch=5)

    await server.send(Start(stranger, 1, "bash", "echo no"))
    await server.send(Cancel(attempt_id, 4, 1.0))
    await server.send(Start(attempt_id, 4, "bash", "echo no"))
    await server.send(Settled(stranger, 1))

    await server.expect(Error, attempt_id=stranger, code="unknown_attempt")
    await server.until(lambda: server.count(Error, attempt_id=attempt_id, code="stale_epoch") == 2)
    await server.send(Start(attempt_id, 5, "bash", "true"))
    await server.expect(Finished, attempt_id=attempt_id, outcome="exited")
    assert server.count(Error, attempt_id=stranger) == 1


async def test_newer_epoch_of_an_unstarted_attempt_replaces_the_older(scenario, server):
    attempt_id = await scenario.accept()

    await server.send(Assign(attempt_id, 2, 7, "Step"))

    await server.expect(Accepted, attempt_id=attempt_id, epoch=2)


async def test_bad_frame_is_answered_and_disturbs_nothing(scenario, server):
    messages = [
        ("{", "malformed"),
        (b"binary", "malformed"),
        ('{"type": "execution.fly.v1"}', "unknown_type"),
        ('{"type": "execution.assign.v1"}', "bad_value"),
        (encode(Assign("../../etc", 1, 1, "x")), "bad_value"),
        (encode(Accepted(str(uuid.uuid4()), 1)), "out_of_order"),
    ]
    for message, code in messages:
        seen = len(server.frames)
        await server.send_raw(message)
        await server.expect(Error, after=seen, code=code)

    _, finished = await scenario.run("echo fine")
    assert finished.exit_code == 0


async def test_health_check_is_answered_with_capabilities(scenario, server):
    await server.send(CapabilitiesRequest())

    found = (await server.expect(Capabilities)).capabilities

    assert found["os"] in ("linux", "macos")
    assert found["shells"]["bash"][0].isdigit()
    assert found["cpus"] >= 1
    assert 0 < found["disk_free"] <= found["disk_total"]


# --- Stopping ------------------------------------------------------------------------------------


async def test_cancel_ends_the_script(scenario, server):
    attempt_id, _ = await scenario.started("echo begun; sleep 300")
    await server.until(lambda: server.log(attempt_id).content)

    await server.send(Cancel(attempt_id, 1, 10.0))

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.signal) == ("canceled", 15)


async def test_cancel_lets_the_script_clean_up(scenario, server):
    attempt_id, _ = await scenario.started("trap 'echo tidy; exit 9' TERM; echo begun; sleep 300 & wait")
    await server.until(lambda: server.log(attempt_id).content)

    await server.send(Cancel(attempt_id, 1, 10.0))

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.exit_code) == ("canceled", 9)
    assert b"tidy\n" in server.log(attempt_id).content


async def test_cancel_kills_what_ignores_it_with_its_children(scenario, server, tmp_path):
    mark = tmp_path / "pids"
    script = (
        f"set -m; trap '' TERM; sleep 300 & echo $! > {mark}; echo $$ >> {mark}; "
        "echo begun; while :; do sleep 1; done"
    )
    attempt_id, _ = await scenario.started(script)
    await server.until(lambda: server.log(attempt_id).content)

    await server.send(Cancel(attempt_id, 1, 0.2))

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.signal) == ("canceled", 9)
    for pid in mark.read_text().split():
        await until(lambda pid=pid: not is_alive(int(pid)))


async def test_cancel_before_the_start_never_starts(scenario, server, tmp_path):
    mark = tmp_path / "ran"
    attempt_id = await scenario.accept()

    await server.send(Cancel(attempt_id, 1, 10.0))
    await server.send(Start(attempt_id, 1, "bash", f"touch {mark}"))

    finished = await scenario.finish(attempt_id)
    assert (finished.outcome, finished.started, finished.lines) == ("canceled", None, 0)
    await scenario.run("true")
    assert not mark.exists()


async def test_cancel_in_the_moment_of_the_start_is_not_lost(scenario, server):
    ids = []
    for _ in range(5):
        attempt_id = await scenario.start("sleep 300")
        await server.send(Cancel(attempt_id, 1, 5.0))
        ids.append(attempt_id)

    for finished in await asyncio.gather(*map(scenario.finish, ids)):
        assert finished.outcome == "canceled"


async def test_forgotten_attempt_is_not_started_and_leaves_nothing(scenario, server, worker):
    attempt_id = await scenario.accept()

    await server.send(Forget(attempt_id, 1, "Too late."))
    await server.send(Start(attempt_id, 1, "bash", "echo no"))

    await until(lambda: not worker.folder(attempt_id).path.exists())
    await scenario.run("true")
    assert not any(isinstance(f, Started) and f.attempt_id == attempt_id for f in server.frames)


async def test_forgotten_attempt_that_runs_is_stopped_without_a_report(scenario, server, worker):
    attempt_id, started = await scenario.started("sleep 300")

    await server.send(Forget(attempt_id, 1, "Taken back."))

    await until(lambda: not worker.folder(attempt_id).path.exists())
    assert not is_alive(started.pid)
    assert not server.count(Finished, attempt_id=attempt_id)
