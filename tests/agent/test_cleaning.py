"""What is left on the disk of a settled attempt: nothing, whatever its script left and whoever was killed."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from agent.files import remove_tree
from protocol.frames import Accepted, Finished, Start, Started
from tests.agent.conftest import AgentProcess
from tests.agent.test_recovery import zygote_of
from tests.agent.waiting import until

SECRET = "swordfish-4711"

MESS = """\
mkdir -p deep/read/only many && echo x > deep/read/only/file
for i in $(seq 2000); do : > "many/file $i"; done
ln -s {outside} link && ln -s {outside}/kept deep/link && ln -s nowhere deep/dangling
mkfifo pipe && printf x > "$(printf 'odd \\n\\377 name')" && : > -rf
chmod 500 deep/read/only deep/read && chmod 000 deep many
"""


def left(worker: AgentProcess) -> list[Path]:
    return [*worker.home.attempts.iterdir(), *worker.home.trash.iterdir()]


def holds_secret(worker: AgentProcess) -> list[Path]:
    files = [path for path in worker.home.path.rglob("*") if path.is_file()]
    return [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_text("kept")
    (folder / "kept").chmod(0o440)
    folder.chmod(0o550)
    return folder


def is_untouched(outside: Path) -> bool:
    modes = [(outside / name).stat().st_mode & 0o777 for name in ("", "kept")]
    return modes == [0o550, 0o440] and (outside / "kept").read_text() == "kept"


async def test_whatever_a_script_leaves_is_removed_and_links_are_not_followed(scenario, worker, outside):
    attempt_id, finished = await scenario.run(MESS.format(outside=outside))
    assert finished.exit_code == 0

    await scenario.settle(attempt_id)

    await until(lambda: not left(worker))
    assert is_untouched(outside)


def test_folders_without_permission_are_removed_by_an_ordinary_user(tmp_path: Path, outside: Path):
    subprocess.run(["bash", "-c", MESS.format(outside=outside)], cwd=tmp_path, check=True)
    nobody = pwd.getpwnam("nobody")
    # Root may remove anything: this is done by somebody who may not.
    if os.geteuid() == 0:
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    pid = os.fork()
    if pid == 0:
        os.chdir(tmp_path)
        if os.geteuid() == 0:
            os.setuid(nobody.pw_uid)
        remove_tree(Path("deep"))
        remove_tree(Path("many"))
        os._exit(0)
    os.waitpid(pid, 0)

    assert not (tmp_path / "deep").exists()
    assert not (tmp_path / "many").exists()
    assert is_untouched(outside)


def test_link_itself_is_removed_and_not_what_it_points_at(tmp_path: Path, outside: Path):
    (tmp_path / "link").symlink_to(outside)

    remove_tree(tmp_path / "link")

    assert not (tmp_path / "link").is_symlink()
    assert is_untouched(outside)


async def test_orphans_of_a_crash_are_removed_at_the_start(scenario, server, worker):
    worker.kill()
    orphans = [worker.home.attempts / str(uuid.uuid4()), worker.home.trash / uuid.uuid4().hex]
    for orphan in orphans:
        (orphan / "work").mkdir(parents=True)
        (orphan / "spool").write_text("half")
    (orphans[0] / "journal.json").write_text('{"attempt_id": "ha')
    (worker.home.attempts / "stranger").write_text("x")

    worker.start()
    await server.connected(2)

    assert left(worker) == []
    assert server.proofs[-1].attempts == []


async def kill_accepted(scenario, server, worker) -> str:
    attempt_id = await scenario.accept()
    worker.kill()
    return attempt_id


async def kill_starting(scenario, server, worker) -> str:
    """The start is on the disk, and nobody has heard of it."""
    os.kill(zygote_of(worker.pid), signal.SIGSTOP)
    zygote = zygote_of(worker.pid)
    attempt_id = await scenario.start(f"echo {SECRET}", secrets=[SECRET])
    await until(lambda: worker.folder(attempt_id).read_journal().phase == "starting")
    worker.kill()
    os.kill(zygote, signal.SIGKILL)
    return attempt_id


async def kill_running(scenario, server, worker) -> str:
    script = f"echo {SECRET} > file; set_octopusvariable Token {SECRET}; echo begun; sleep 0.3"
    attempt_id, _ = await scenario.started(script, secrets=[SECRET], environment={"E": SECRET})
    await server.until(lambda: server.log(attempt_id).content)
    worker.kill()
    return attempt_id


async def kill_running_with_shim(scenario, server, worker) -> str:
    attempt_id, started = await scenario.started(
        f"echo begun; sleep 300 # {SECRET}", secrets=[SECRET], variables={"V": SECRET}
    )
    await server.until(lambda: server.log(attempt_id).content)
    assert holds_secret(worker)
    worker.kill()
    os.kill(worker.folder(attempt_id).read_shim().pid, signal.SIGKILL)
    os.killpg(started.pid, signal.SIGKILL)
    return attempt_id


async def kill_ended(scenario, server, worker) -> str:
    attempt_id, _ = await scenario.run(f"echo {SECRET}", secrets=[SECRET], variables={"V": SECRET})
    worker.kill()
    return attempt_id


@pytest.mark.parametrize(
    "kill", [kill_accepted, kill_starting, kill_running, kill_running_with_shim, kill_ended]
)
async def test_nothing_is_left_of_an_attempt_whenever_the_agent_was_killed(scenario, server, worker, kill):
    attempt_id = await kill(scenario, server, worker)
    seen = len(server.frames)

    worker.start()

    await server.connected(2)
    if kill is kill_accepted:
        await server.expect(Accepted, after=seen, attempt_id=attempt_id)
        await server.send(Start(attempt_id, 1, "bash", f"echo {SECRET}", {"V": SECRET}, {}, [SECRET]))
    finished = await server.expect(Finished, after=seen, attempt_id=attempt_id)
    outcomes = {kill_starting: "not_started", kill_running_with_shim: "unknown"}
    assert finished.outcome == outcomes.get(kill, "exited")
    if kill is not kill_running:
        # Nothing secret outlives the script, but for what it wrote itself.
        assert holds_secret(worker) == []
    await scenario.settle(attempt_id)
    await until(lambda: not left(worker))
    assert holds_secret(worker) == []


async def test_settled_while_the_agent_was_away_is_cleaned_when_it_is_back(scenario, server, worker):
    attempt_id, started = await scenario.started("sleep 300")
    os.killpg(started.pid, signal.SIGKILL)
    await scenario.finish(attempt_id)
    # Sent and never read: the agent is stopped before.
    os.kill(worker.pid, signal.SIGSTOP)
    await scenario.settle(attempt_id)
    worker.kill()
    seen = len(server.frames)

    worker.start()
    await server.expect(Finished, after=seen, attempt_id=attempt_id)
    await scenario.settle(attempt_id)

    await until(lambda: not left(worker))
    assert server.count(Started, attempt_id=attempt_id) >= 1
