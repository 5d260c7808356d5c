"""The command-line client against a real server with a real agent."""

from __future__ import annotations

import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from domain.processes import MANUAL_ACTION, MANUAL_INSTRUCTIONS
from processes.services import processes
from processes.services.steps import StepFields
from projects.models import Project
from runbooks.models import Runbook
from runbooks.services import snapshots
from tasks.models import ServerTask
from tests.harness import scenarios
from tests.harness.installation import Installation
from tests.harness.octo import Octo
from tests.harness.waiting import wait_for

WHERE = ("--project", "Orders", "--environment", "Development")


@pytest.fixture(scope="module")
def octo(installation: Installation, tmp_path_factory) -> Octo:
    return Octo(installation, tmp_path_factory.mktemp("octo"))


@pytest.fixture(scope="module")
def project(installation: Installation) -> Project:
    space = installation.space
    pool = scenarios.pool(space, "SQL - Dev")
    installation.add_agent("octo-1", pools=[pool])
    places = [scenarios.environment(space, name) for name in ("Development", "Test")]
    return scenarios.project(space, "Orders", routes=dict.fromkeys(places, pool))


@pytest.fixture(scope="module")
def greeting(project: Project) -> Runbook:
    return scenarios.runbook(project, "Greet", ['echo "Hello from $(uname)"', "echo Goodbye"])


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that a script waits for."""
    file = tmp_path / "go-on"
    yield file
    file.touch()


def slow(project: Project, name: str, gate: Path, *, before: str = "echo begun") -> Runbook:
    body = f"{before}\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho ended"
    return scenarios.runbook(project, name, [body])


def test_signing_in(octo: Octo, installation: Installation) -> None:
    nothing = {"OCTOPUS_URL": "", "OCTOPUS_API_KEY": ""}
    octo("whoami", code=4, **nothing)
    octo("login", installation.url, given="API-WRONG\n", code=4, **nothing)
    assert not octo.file.exists()

    octo("login", f"{installation.url}/", given=f"{octo.key}\n", **nothing)

    assert stat.S_IMODE(octo.file.stat().st_mode) == 0o600
    found = octo("whoami", "-o", "yaml", **nothing).stdout
    assert yaml.safe_load(found)["Username"] == "admin"
    octo("logout", **nothing)
    octo("whoami", code=4, **nothing)


def test_a_server_that_is_not_there(octo: Octo) -> None:
    done = octo("login", "http://127.0.0.1:9", given="API-X\n", code=7)

    assert "does not answer" in done.stderr


def test_lists_and_single_things(octo: Octo, greeting: Runbook) -> None:
    assert "Orders" in octo("list", "projects").stdout
    assert [row["Name"] for row in octo.json("list", "runbooks", "-p", "orders")] == ["Greet"]
    assert octo.json("show", "runbook", "greet", "-p", "Orders")["Name"] == "Greet"
    assert octo.json("list", "environments", "--name", "velop")[0]["Name"] == "Development"
    assert "was not found" in octo("show", "pool", "Nonsense", code=5).stderr
    octo("list", "pools", "--state", "Failed", code=2)


def test_every_kind_can_be_listed(octo: Octo, greeting: Runbook) -> None:
    for name in octo("list", "?", code=2).stderr.partition("There are: ")[2].strip(" .\n").split(", "):
        assert isinstance(octo.json("list", name), list), name


def test_the_doctor(octo: Octo, greeting: Runbook) -> None:
    found = octo.json("doctor", "octo-1")

    assert {one["Name"] for one in found["Checks"]} >= {"Connection", "Shells", "Slots"}
    assert found["Verdict"] != "Problem", found


def test_a_run_is_followed(octo: Octo, greeting: Runbook) -> None:
    lines = octo("run", "Greet", *WHERE, "--follow").stdout.splitlines()

    assert [line.strip() for line in lines if "Hello from Linux" in line] == ["Hello from Linux"]
    assert sum("Goodbye" in line for line in lines) == 1
    assert lines.index("== Step 1: Step 1 ==") < lines.index("== Step 2: Step 2 ==")
    assert "Run Greet in Development: success after" in lines[-1]


def test_a_step_is_left_out(octo: Octo, greeting: Runbook) -> None:
    said = octo("run", "Greet", *WHERE, "--follow", "--skip", "Step 1").stdout

    assert "Hello" not in said
    assert "Goodbye" in said


def test_the_log_is_shown_while_it_is_written(octo: Octo, project: Project, gate: Path) -> None:
    slow(project, "Wait for it", gate)

    process = octo.start("run", "Wait for it", *WHERE, "--follow")
    assert process.stdout
    for line in process.stdout:
        if "begun" in line:
            break
    assert process.poll() is None
    gate.touch()

    assert any("ended" in line for line in process.stdout)
    assert process.wait(30) == 0


def test_following_survives_the_death_of_the_server(
    octo: Octo, project: Project, installation: Installation, gate: Path
) -> None:
    slow(project, "Outlive", gate, before="for i in $(seq 500); do echo line $i; done")
    process = octo.start("run", "Outlive", *WHERE, "--follow")
    assert process.stdout
    found = [next(line for line in process.stdout if "line 500" in line)]

    installation.kill()
    gate.touch()
    installation.start()

    found += list(process.stdout)
    assert process.wait(60) == 0
    assert sum("line 500" in line for line in found) == 1
    assert sum("ended" in line for line in found) == 1


def test_the_log_of_a_task_that_is_over(octo: Octo, greeting: Runbook) -> None:
    [task] = octo.json("run", "Greet", *WHERE, "--wait")

    assert task["State"] == "Success"
    assert "Hello from Linux" in octo("follow", task["Id"]).stdout
    assert "Hello from Linux" in octo("log", task["Id"]).stdout
    assert octo.json("wait", task["Id"])[0]["Id"] == task["Id"]


def test_several_environments_are_followed_at_once(octo: Octo, greeting: Runbook) -> None:
    lines = octo("run", "Greet", *WHERE, "-e", "Test", "-f").stdout.splitlines()

    said = [line.partition("] ")[0] for line in lines if "Hello from Linux" in line]
    assert len(set(said)) == 2
    assert all(line.startswith("[ServerTasks-") for line in lines)


def test_where_the_run_cannot_be_nothing_starts(octo: Octo, project: Project, greeting: Runbook) -> None:
    scenarios.environment(project.space, "Elsewhere")

    refused = octo("run", "Greet", *WHERE, "-e", "Elsewhere", code=5)

    assert "Elsewhere" in refused.stderr  # the pool variable has no value there


def test_a_failed_run(octo: Octo, project: Project) -> None:
    scenarios.runbook(project, "Fail", ["echo before; exit 3"])

    followed = octo("run", "Fail", *WHERE, "-f", code=1)
    assert "Run Fail in Development: failed after" in followed.stdout
    [task] = octo.json("run", "Fail", *WHERE, "--wait", code=1)
    assert task["State"] == "Failed"
    assert octo.json("rerun", task["Id"], "-w", code=1)[0]["Id"] != task["Id"]


def test_cancelling(octo: Octo, project: Project, gate: Path) -> None:
    slow(project, "Endless", gate)
    [task] = octo.json("run", "Endless", *WHERE)
    assert task["State"] in {"Queued", "Executing"}

    octo("cancel", task["Id"])

    assert octo.json("wait", task["Id"], code=3)[0]["State"] == "Canceled"


def test_time_runs_out(octo: Octo, project: Project, gate: Path) -> None:
    slow(project, "Too long", gate)

    done = octo("run", "Too long", *WHERE, "--wait", "--timeout", "0.03", "--cancel-on-timeout", code=6)

    assert "Not over in time" in done.stderr
    [newest] = octo.json("list", "tasks", "--project", "Orders", "--limit", "1")
    assert octo.json("wait", newest["Id"], code=3)[0]["State"] == "Canceled"


def test_interrupting_leaves_the_run_alone(octo: Octo, project: Project, gate: Path) -> None:
    slow(project, "Left alone", gate)
    process = octo.start("run", "Left alone", *WHERE, "--follow")
    assert process.stdout
    assert any("begun" in line for line in process.stdout)

    process.send_signal(signal.SIGINT)

    rest = process.stdout.read()
    assert process.wait(30) == 130
    assert "goes on" in rest
    gate.touch()
    [newest] = octo.json("list", "tasks", "-p", "Orders", "-l", "1")
    assert octo.json("wait", newest["Id"])[0]["State"] == "Success"


def test_an_unknown_task(octo: Octo) -> None:
    assert "no task ServerTasks-999999" in octo("wait", "ServerTasks-999999", code=5).stderr
    assert "not found" in octo("follow", "ServerTasks-999999", code=5).stderr


def test_a_question_is_answered(octo: Octo, project: Project) -> None:
    runbook = scenarios.runbook(project, "Ask", ["echo after"])
    process = processes.get_or_create(owner_kind="runbook", owner_id=runbook.pk, space=project.space)
    fields = StepFields(
        name="Approve", action_type=MANUAL_ACTION, properties={MANUAL_INSTRUCTIONS: "Is all well?"}
    )
    processes.add_step(
        process=process, version=process.version, fields=fields, user=scenarios.administrator()
    )
    snapshots.publish(runbook=runbook, user=scenarios.administrator())
    followed = octo.start("run", "Ask", *WHERE, "-f")
    assert followed.stdout
    asked = next(line for line in followed.stdout if "octo answer" in line)
    interruption = asked.partition("octo answer ")[2].split()[0]

    assert "Proceed" in octo("answer", interruption, "perhaps", code=2).stderr
    octo("answer", interruption, "proceed", "--notes", "Seen")

    assert followed.wait(60) == 0
    assert octo.json("show", "interruption", interruption)["IsPending"] is False


def test_a_release_is_created_and_deployed(octo: Octo, project: Project) -> None:
    process = processes.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)
    fields = StepFields(
        name="Deploy",
        properties={
            "Octopus.Action.Script.ScriptBody": "echo deployed",
            "Octopus.Action.Script.Syntax": "Bash",
        },
        worker_pool=scenarios.pool(project.space, "SQL - Dev"),
    )
    processes.add_step(
        process=process, version=process.version, fields=fields, user=scenarios.administrator()
    )

    made = octo.json("release", "create", "Orders", "--version", "1.2.3", "--notes", "First")

    assert made["ReleaseVersion"] == "1.2.3"
    octo("release", "create", "Orders", "--version", "1.2.3", code=5)
    octo("release", "create", "Orders", "--version", "1.2.3", "--ignore-existing")
    assert octo.json("show", "release", "1.2.3", "-p", "Orders")["ReleaseNotes"] == "First"
    done = octo("deploy", "Orders", "--version", "1.2.3", "-e", "Development", "--follow")
    assert "deployed" in done.stdout


def test_configuration_goes_out_and_in(octo: Octo, greeting: Runbook, tmp_path: Path) -> None:
    octo("export", str(tmp_path))
    assert "Nothing to change" in octo("apply", str(tmp_path), "--yes").stderr
    file = tmp_path / "projects/orders/runbooks/greet.yaml"
    file.write_text(file.read_text().replace("echo Goodbye", "echo Farewell"))
    octo("drift", str(tmp_path), code=8)

    octo("apply", str(tmp_path), "--yes", "--publish")

    octo("drift", str(tmp_path))
    assert "Farewell" in octo("run", "Greet", *WHERE, "--follow").stdout


def test_wrong_names_start_nothing(octo: Octo, greeting: Runbook) -> None:
    before = ServerTask.objects.count()

    assert "Nonsense" in octo("run", "Nonsense", *WHERE, code=5).stderr
    octo("run", "Greet", "-p", "Orders", "-e", "Nowhere", code=5)
    octo("run", "Greet", *WHERE, "--variable", "no sign", code=2)
    octo("run", "Greet", "--project", "Orders", code=2)

    assert ServerTask.objects.count() == before


def test_names_are_completed(octo: Octo, greeting: Runbook) -> None:
    def complete(*words: str) -> list[str]:
        given = {
            "_OCTO_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(["octo", *words]),
            "COMP_CWORD": str(len(words)),
        }
        return subprocess.run(
            octo._command(()), env={**octo.environment, **given}, capture_output=True, text=True, check=False
        ).stdout.split("\n")

    assert "projects" in complete("list", "pro")
    assert "Orders" in complete("run", "Greet", "--project", "Ord")
    wait_for(lambda: "Development" in complete("run", "Greet", "-e", "Dev"))
