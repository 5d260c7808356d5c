"""What scripts see: helpers, line numbers, environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agent import environment, scripts
from agent.environment import RefusedEnvironment
from agent.scripts import CannotRun
from protocol.frames import OutputValue
from protocol.outputs import parse

ODD = {"Project.Name": "Orders", "Odd ' \"Name": "it's $HOME `x` \\n\nsecond line é", "Empty": ""}


def run(tmp_path: Path, syntax: str, script: str, variables: dict[str, str] | None = None):
    work = tmp_path / "work"
    work.mkdir()
    command = scripts.prepare(
        tmp_path, syntax=syntax, script=script, variables=variables or {}, environment=environment.build({})
    )
    return subprocess.run(
        command.arguments,
        executable=command.program,
        env=command.environment,
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("syntax", "script"),
    [
        ("bash", 'printf "%s|" "$(get_octopusvariable "{0}")"'),
        ("python", "print(get_octopusvariable({0!r}), end='|')"),
    ],
)
@pytest.mark.parametrize("name", ["Project.Name", "project.name", "Empty", "Missing"])
def test_variables_are_read_whatever_the_case_of_their_name(tmp_path, syntax, script, name):
    values = {key.lower(): value for key, value in ODD.items()}

    answer = run(tmp_path, syntax, script.format(name), ODD)

    assert (answer.stdout, answer.stderr) == (values.get(name.lower(), "") + "|", "")


@pytest.mark.parametrize(
    ("syntax", "script"),
    [
        ("bash", """printf "%s|" "$(get_octopusvariable "Odd ' \\"Name")" """),
        ("python", """print(get_octopusvariable("Odd ' \\"Name"), end='|')"""),
    ],
)
def test_values_are_never_code(tmp_path, syntax, script):
    assert run(tmp_path, syntax, script, ODD).stdout == ODD["Odd ' \"Name"] + "|"


@pytest.mark.parametrize(
    ("syntax", "script"),
    [
        ("bash", 'write_verbose "a b"; write_highlight c; write_warning d'),
        ("python", "printverbose('a b'); printhighlight('c'); printwarning('d')"),
    ],
)
def test_helpers_write_service_messages(tmp_path, syntax, script):
    assert run(tmp_path, syntax, script).stdout.splitlines() == [
        "##octopus[stdout-verbose]", "a b", "##octopus[stdout-default]",
        "##octopus[stdout-highlight]", "c", "##octopus[stdout-default]",
        "##octopus[stdout-warning]", "d", "##octopus[stdout-default]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("syntax", "script"),
    [
        ("bash", "set -euo pipefail; set_octopusvariable 'Na me' \"$(get_octopusvariable Odd)\"; "
                 "set_octopusvariable Token s3cr3t -sensitive; set_octopusvariable Empty"),
        ("python", "set_octopusvariable('Na me', get_octopusvariable('Odd')); "
                   "set_octopusvariable('Token', 's3cr3t', True); set_octopusvariable('Empty', '')"),
    ],
)  # fmt: skip
def test_helper_sets_output_variables_whatever_their_text(tmp_path, syntax, script):
    odd = "it's $HOME `x` \\n\n  second line é \" % " + "long " * 100

    answer = run(tmp_path, syntax, script, {"Odd": odd})

    assert answer.stderr == ""
    assert [parse(line.encode()) for line in answer.stdout.splitlines()] == [
        OutputValue("Na me", odd),
        OutputValue("Token", "s3cr3t", True),
        OutputValue("Empty", ""),
    ]


def test_bash_errors_carry_the_scripts_own_line_numbers(tmp_path):
    answer = run(tmp_path, "bash", "echo one\necho two\nno_such_command\n")

    assert "script.sh: line 3: no_such_command" in answer.stderr


def test_python_errors_carry_the_scripts_own_line_numbers_and_nothing_else(tmp_path):
    answer = run(tmp_path, "python", "import os\n\ndef f():\n    raise ValueError('no')\n\nf()\n")

    assert answer.returncode == 1
    assert 'script.py", line 4, in f' in answer.stderr
    assert "raise ValueError('no')" in answer.stderr
    assert "bootstrap" not in answer.stderr


def test_python_syntax_error_is_shown_where_it_is(tmp_path):
    answer = run(tmp_path, "python", "x = 1\nif x\n")

    assert 'script.py", line 2' in answer.stderr
    assert "bootstrap" not in answer.stderr


def test_python_script_is_the_main_program(tmp_path):
    script = "import sys\nprint(__name__, sys.argv == [__file__], '_start' in globals())\nsys.exit(4)"

    answer = run(tmp_path, "python", script)

    assert (answer.stdout, answer.returncode) == ("__main__ True False\n", 4)


def test_bash_script_from_a_browser_has_its_line_ends_mended(tmp_path):
    assert run(tmp_path, "bash", "echo a\r\nif true; then\r\necho b\r\nfi\r\n").stdout == "a\nb\n"


def test_script_files_are_private_and_can_be_discarded(tmp_path):
    run(tmp_path, "bash", "true")
    files = list(tmp_path.glob("*.sh"))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}

    scripts.discard(tmp_path)

    assert not list(tmp_path.glob("*.sh"))


def test_bash_start_does_not_reach_the_scripts_children(tmp_path):
    assert run(tmp_path, "bash", "bash -c 'type -t write_verbose; echo \"[$BASH_ENV]\"'").stdout == "[]\n"


@pytest.mark.parametrize(("syntax", "variables"), [("powershell", {}), ("bash", {"a": "b\0c"})])
def test_what_cannot_run_says_so(tmp_path, syntax, variables):
    with pytest.raises(CannotRun):
        scripts.prepare(
            tmp_path, syntax=syntax, script="", variables=variables, environment={"PATH": "/usr/bin:/bin"}
        )


def test_missing_interpreter_is_named(tmp_path):
    with pytest.raises(CannotRun, match="Bash is not installed"):
        scripts.prepare(tmp_path, syntax="bash", script="", variables={}, environment={"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "LD_PRELOAD",
        "DYLD_INSERT_LIBRARIES",
        "BASH_ENV",
        "PYTHONPATH",
        "BASH_FUNC_ls%%",
        "a b",
        "",
        "1a",
    ],
)
def test_names_that_choose_code_are_refused(name):
    with pytest.raises(RefusedEnvironment):
        environment.build({name: "x"})


def test_environment_holds_little_of_the_agents_own():
    built = environment.build({"GIVEN": "1"}, own={"PATH": "/bin", "HOME": "/h", "SECRET_OF_THE_AGENT": "x"})

    assert built == {"PATH": "/bin", "HOME": "/h", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "GIVEN": "1"}
