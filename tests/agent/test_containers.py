"""Scripts in containers, with a stand-in for docker that runs the command where it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent import capabilities, containers, environment
from agent.config import Home
from agent.scripts import CannotRun, Command
from protocol.frames import Cancel, Finished
from tests.agent.waiting import until

#: Says what it was called with, and does with a container what matters here: it runs the command and
#: kills it by its name.
FAKE = """#!/bin/sh
echo "$@" >> "@LOG@"
verb=$1
shift
case "$verb" in
--version) echo "Docker version 27.1.2"; exit 0 ;;
image) test "$2" != missing:1 || exit 1; exit 0 ;;
pull) echo "manifest for missing:1 not found" >&2; exit 1 ;;
login) read -r password; test "$password" = right || { echo "denied: $password" >&2; exit 1; }
    echo signed-in > "$DOCKER_CONFIG/config.json"; exit 0 ;;
kill) kill -KILL -"$(cat "@LOG@.$1")"; exit 0 ;;
esac
while :; do
    case "$1" in
    --name=*) name=${1#--name=} ;;
    --cidfile=*) echo 1 > "${1#--cidfile=}" ;;
    --workdir=*) cd "${1#--workdir=}" || exit 125 ;;
    --env=*=*) export "${1#--env=}" ;;
    --*) ;;
    *) break ;;
    esac
    shift
done
shift
# What a container is told to end with reaches it only through `kill`.
setsid "$@" &
echo $! > "@LOG@.$name"
trap 'trap - TERM' TERM
wait $!
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch) -> Path:
    """The file that the stand-in writes its calls into."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(FAKE.replace("@LOG@", str(tmp_path / "calls")))
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path / "calls"


def command(folder: Path, **more: str) -> Command:
    around = {**environment.build({"SECRET": "hunter2"}), **more}
    return Command("/bin/bash", ["bash", "../script.sh"], around)


def prepared(folder: Path, image: str = "debian:12", **wish: str) -> Command:
    (folder / "work").mkdir(exist_ok=True)
    (folder / "script.sh").write_text("echo inside $SECRET $HOME; exit 3\n")
    return containers.wrap(
        command(folder), containers.Wish(image, **wish), folder=folder, name="octoworkers-1"
    )


def ran(prepared: Command, folder: Path):
    return subprocess.run(
        prepared.arguments,
        executable=prepared.program,
        env=prepared.environment,
        cwd=folder / "work",
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_script_runs_in_the_folder_of_its_attempt_with_its_variables(docker, tmp_path):
    answer = ran(prepared(tmp_path), tmp_path)

    assert (answer.stdout, answer.returncode) == ("inside hunter2 /tmp\n", 3)
    assert containers.could_not_run(tmp_path, 3) == ""
    calls = docker.read_text()
    assert f"--volume={tmp_path}:{tmp_path}" in calls
    assert "--env=SECRET " in calls
    assert f"--user={os.getuid()}:{os.getgid()}" in calls
    assert "debian:12 bash ../script.sh" in calls


def test_values_are_never_arguments(docker, tmp_path):
    made = prepared(tmp_path, username="ada", password="right")

    assert "hunter2" not in " ".join(made.arguments)
    assert "right" not in " ".join(made.arguments)
    ran(made, tmp_path)
    assert "hunter2" not in docker.read_text()
    assert "right" not in docker.read_text()


def test_the_sign_in_is_of_the_attempt_alone_and_goes_with_it(docker, tmp_path):
    made = prepared(tmp_path, "registry.example.com:5000/tools:1", username="ada", password="right")

    assert "login --username=ada --password-stdin registry.example.com:5000" in docker.read_text()
    login = Path(made.environment["DOCKER_CONFIG"])
    assert login.parent == tmp_path
    assert (login / "config.json").exists()
    containers.discard(tmp_path)
    assert not login.exists()


def test_a_sign_in_that_is_refused_is_said_without_the_password(docker, tmp_path):
    with pytest.raises(CannotRun) as refused:
        prepared(tmp_path, "registry.example.com/x", username="ada", password="wrong")

    assert "Signing in at registry.example.com failed: denied: ********" in str(refused.value)


def test_an_image_that_is_not_there_is_a_clear_end(docker, tmp_path):
    answer = ran(prepared(tmp_path, "missing:1"), tmp_path)

    assert answer.returncode == 125
    assert "Fetching the image missing:1." in answer.stdout
    assert "manifest for missing:1 not found" in answer.stderr
    assert containers.could_not_run(tmp_path, 125) == (
        "docker could not run the container; the last lines of the log say why."
    )


def test_a_script_that_ends_with_125_itself_has_run(docker, tmp_path):
    ran(prepared(tmp_path), tmp_path)

    assert containers.could_not_run(tmp_path, 125) == ""


@pytest.mark.parametrize("image", ["", "--privileged", "a b", "a\nb"])
def test_what_is_no_image_is_refused(docker, tmp_path, image):
    with pytest.raises(CannotRun, match="cannot be the name of a container image"):
        prepared(tmp_path, image)


def test_a_machine_without_an_engine_says_so(tmp_path):
    empty = command(tmp_path, PATH=str(tmp_path / "nothing"))

    with pytest.raises(CannotRun, match="neither docker nor podman"):
        containers.wrap(empty, containers.Wish("debian:12"), folder=tmp_path, name="x")


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("debian:12", ""),
        ("library/debian", ""),
        ("localhost/x", "localhost"),
        ("host:5000/x:1", "host:5000"),
        ("registry.example.com/a/b@sha256:00", "registry.example.com"),
    ],
)
def test_the_registry_of_an_image(image, registry):
    assert containers.Wish(image).registry == registry


def test_the_agent_reports_that_it_can_run_containers(docker, tmp_path):
    home = Home(tmp_path / "home")
    home.path.mkdir()

    assert containers.FEATURE in capabilities.probe(home)["features"]


# --- The whole agent ------------------------------------------------------------------------------


async def test_a_step_in_a_container_ends_as_its_script_does(docker, scenario, server):
    attempt_id, finished = await scenario.run(
        "echo hello; set_octopusvariable A b; exit 4",
        environment={"SECRET": "hunter2"},
        container={"image": "debian:12"},
    )

    assert (finished.outcome, finished.exit_code) == ("exited", 4)
    assert server.log(attempt_id).content.decode().splitlines()[0] == "hello"
    assert [(one.name, one.value) for one in finished.outputs] == [("A", "b")]


async def test_a_missing_image_fails_the_step_with_words(docker, scenario, server):
    _, finished = await scenario.run("echo hello", container={"image": "missing:1"})

    assert finished.outcome == "not_started"
    assert "docker could not run the container" in finished.message


async def test_a_cancel_ends_the_container_by_its_name(docker, scenario, server):
    attempt_id, _ = await scenario.started(
        "trap '' TERM; echo up; while :; do sleep 1; done", container={"image": "debian:12"}
    )
    await until(lambda: b"up" in server.log(attempt_id).content)

    await server.send(Cancel(attempt_id, 1, 0.2))
    finished = await server.expect(Finished, attempt_id=attempt_id)

    assert finished.outcome == "canceled"
    assert f"kill octoworkers-{attempt_id}" in docker.read_text()
