"""Scripts that packages come with, and scripts that are files of packages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.programs.archives import Bench

SHOW = """
echo "$# $1 $2"
cat "$(dirname "$0")/beside.txt"
get_octopusvariable "Octopus.Action.Package.ExtractedPath"
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_inline_script_finds_its_packages_unpacked_beside_it(bench: Bench) -> None:
    bench.add("Acme.Tools", {"bin/tool.txt": "a tool"}, name="tools")
    bench.add("Acme.Data", {"x": "y"}, name="data", extract=False)
    script = (
        'cat tools/bin/tool.txt; ls "#{Octopus.Action.Package[TOOLS].ExtractedPath}"\n'
        'ls "$(get_octopusvariable Octopus.Action.Package[data].PackageFilePath)"; get_octopusvariable Where'
    )

    done = bench.run(
        "script",
        {"syntax": "Bash", "script": script},
        {"Where": "at #{Octopus.Action.Package[tools].ExtractedPath}"},
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "a toolbin" in lines
    assert str(bench.work / "Acme.Data.1.0.0.zip") in lines
    assert lines[-1] == f"at {bench.work / 'tools'}"


def test_a_file_of_a_package_runs_where_it_is_with_its_parameters(bench: Bench) -> None:
    bench.add("Acme.Web", {"scripts/run.sh": SHOW, "scripts/beside.txt": "beside\n"})

    done = bench.run(
        "script",
        {"syntax": "Bash", "file": "scripts/run.sh", "parameters": json.dumps(["two words", "it's"])},
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "2 two words it's" in lines
    assert "beside" in lines
    assert lines[-1] == str(bench.work)


def test_a_python_file_imports_what_is_beside_it(bench: Bench) -> None:
    run = (
        "import sys, helper\nprint(sys.argv[1:], helper.NAME, get_octopusvariable('project.name'))\n"
        "sys.exit(3)\n"
    )
    bench.add("Acme.Web", {"scripts/run.py": run, "scripts/helper.py": "NAME = 'neighbour'\n"})

    done = bench.run(
        "script",
        {"syntax": "Python", "file": "scripts/run.py", "parameters": json.dumps(["x y"])},
        {"Project.Name": "Orders"},
    )

    assert done.stdout.splitlines()[-1] == "['x y'] neighbour Orders"
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("other.sh", "There is no file other.sh in it. It has run.sh, sub/."),
        ("../../home/agent.json", "which is not unpacked"),
        ("/etc/passwd", "which is not unpacked"),
        ("sub", "There is no file sub in it."),
    ],
)
def test_a_file_that_is_not_in_the_package_is_said(bench: Bench, file: str, words: str) -> None:
    bench.add("Acme.Web", {"run.sh": "true", "sub/x": ""})

    done = bench.run("script", {"syntax": "Bash", "file": file})

    assert done.returncode == 1
    assert words in done.stdout


def test_two_packages_do_not_write_over_each_other(bench: Bench) -> None:
    bench.add("Acme.Web", {"tools/x": "own"})
    bench.add("Acme.Tools", {"x": "other"}, name="tools")

    done = bench.run("script", {"syntax": "Bash", "script": "true"})

    assert done.returncode == 1
    assert "Acme.Tools 1.0.0 cannot be put into ./tools" in done.stdout


def test_a_script_is_killed_by_the_signals_that_kill_scripts(bench: Bench) -> None:
    done = bench.run("script", {"syntax": "Bash", "script": "kill -PIPE $$; echo survived"})

    assert done.returncode == -signal.SIGPIPE
    assert "survived" not in done.stdout


def test_parameters_stand_on_no_command_line(bench: Bench) -> None:
    bench.add("Acme.Web", {"run.sh": "tr '\\0' ' ' < /proc/$$/cmdline; env"})

    done = bench.run("script", {"syntax": "Bash", "file": "run.sh", "parameters": json.dumps(["s3cret"])})

    assert done.returncode == 0
    assert "run.sh" in done.stdout
    assert "s3cret" not in done.stdout


def test_the_script_is_the_process_that_the_agent_started(bench: Bench) -> None:
    done = bench.run("script", {"syntax": "Bash", "script": "echo $PPID"})

    assert done.stdout.splitlines()[-1] == str(os.getpid())
    assert isinstance(done, subprocess.CompletedProcess)
