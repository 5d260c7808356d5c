"""Step programs, run by the real agent: what they are given, how they end, and that nothing stays behind."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

import programs
from protocol.log import Level
from tasks.engine.programs import archive

ECHO = """
import os, sys
from programs.kit import say
from programs.kit.given import Failed

def main(given):
    say.info(f"{given.text('greeting')} {given.variable('project.name')}")
    say.warning("careful")
    say.set_output("Answer", given.text("greeting"))
    say.info(f"argv holds it: {given.text('greeting') in str(sys.argv)}")
    say.info(f"environment holds it: {given.text('greeting') in str(os.environ)}")
    say.info(f"files: {sorted(os.listdir('..'))}")
    say.info(f"home is there: {given.home.is_dir()}, Python {sys.version_info[:2] >= (3, 9)}")
    if given.flag("fail"):
        raise Failed("It did not work: look at X.")
    if given.flag("crash"):
        raise ValueError("a mistake of ours")
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    folder = tmp_path / "programs"
    shutil.copytree(Path(programs.__file__).parent, folder)
    (folder / "echo").mkdir()
    (folder / "echo" / "__init__.py").write_text(ECHO)
    return base64.b64encode(archive(folder, "echo")).decode()


async def ran(scenario, server, program: str, **inputs: str):
    attempt_id, finished = await scenario.run(
        "",
        syntax="program",
        program=program,
        inputs={"greeting": "hello", **inputs},
        variables={"Project.Name": "Orders"},
    )
    return finished, server.log(attempt_id), attempt_id


async def test_a_program_gets_its_inputs_and_the_variables_and_sets_outputs(scenario, server, program):
    finished, log, _ = await ran(scenario, server, program)

    lines = log.content.decode().splitlines()
    assert (finished.outcome, finished.exit_code) == ("exited", 0)
    assert lines[0] == "hello Orders"
    assert [(one.name, one.value) for one in finished.outputs] == [("Answer", "hello")]
    assert "home is there: True, Python True" in lines
    assert [run.data for run in log.runs() if run.level is Level.WARNING] == [b"careful\n"]


async def test_inputs_are_on_no_command_line_and_in_no_file_once_read(scenario, server, worker, program):
    _, log, attempt_id = await ran(scenario, server, program)

    text = log.content.decode()
    assert "argv holds it: False" in text
    assert "environment holds it: False" in text
    [files] = [line for line in text.splitlines() if line.startswith("files: ")]
    assert "inputs.json" not in files
    assert "program.zip" in files
    assert not (worker.folder(attempt_id).path / "program.zip").exists()


async def test_a_known_failure_is_one_line_and_a_mistake_a_traceback(scenario, server, program):
    known, log, _ = await ran(scenario, server, program, fail="True")
    mistake, traceback, _ = await ran(scenario, server, program, crash="true")

    assert known.exit_code == mistake.exit_code == 1
    assert [run.data for run in log.runs() if run.level is Level.ERROR] == [b"It did not work: look at X.\n"]
    assert b"Traceback" not in log.content
    assert b"ValueError: a mistake of ours" in traceback.content


async def test_secrets_in_inputs_are_masked(scenario, server, program):
    attempt_id, _ = await scenario.run(
        "", syntax="program", program=program, inputs={"greeting": "correct horse"}, secrets=["correct horse"]
    )

    assert server.log(attempt_id).content.startswith(b"***")
    assert b"correct" not in server.log(attempt_id).content


async def test_a_program_that_is_not_whole_does_not_start(scenario):
    _, finished = await scenario.run("", syntax="program", program="no base64!")

    assert (finished.outcome, finished.message) == (
        "not_started",
        "The program of this step did not arrive whole.",
    )


async def test_the_agent_says_that_it_can(server, scenario):
    assert "step-programs" in server.proofs[0].capabilities["features"]
