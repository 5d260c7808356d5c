"""What a PowerShell script gets before it: the text is looked at, since no PowerShell runs it here."""

from __future__ import annotations

import base64
import re
import stat

import pytest

from agent import environment, powershell, scripts
from agent.scripts import CannotRun, Source

ODD = {"Project.Name": "Orders", "Odd ' \"Name": 'it’s $(rm -rf /) `x` "\nsecond line é ‘', "Empty": ""}
#: Whoever runs it says what it was called with, and what it found.
FAKE = """#!/bin/sh
printf '%s|' "$@" "$POWERSHELL_TELEMETRY_OPTOUT" "$POWERSHELL_UPDATECHECK"
"""


def decoded(text: str) -> list[str]:
    found = re.findall(r"ConvertFrom-OctoworkersText '([A-Za-z0-9+/=]*)'\)", text)
    return [base64.b64decode(one).decode() for one in found]


def test_values_and_parameters_stand_there_as_base64_alone():
    text = powershell.bootstrap("/w/script.ps1", ["-Environment", "it's", "-not a name"], ODD)

    values = [word for pair in ODD.items() for word in pair]
    assert decoded(text) == [*values, "/w/script.ps1", "it's", "-not a name"]
    for part in ("rm -rf", "it’s", "Odd '", "é"):
        assert part not in text
    assert text.isascii()


def test_the_script_is_called_with_named_parameters_and_its_exit_code_is_kept():
    text = powershell.bootstrap("/w/script.ps1", ["-Environment", "Live"], {})

    call, *end = text.splitlines()[-3:]
    encoded = base64.b64encode(b"Live").decode()
    assert call.startswith(". (ConvertFrom-OctoworkersText '")
    assert call.endswith(f" -Environment (ConvertFrom-OctoworkersText '{encoded}')")
    assert end == ["if (Test-Path variable:global:LASTEXITCODE) { exit $global:LASTEXITCODE }", "exit 0"]


@pytest.mark.parametrize("name", ["-a;b", "-", "-1", "--x", "-a b", "-a$(x)", "-é", "-a\n"])
def test_only_what_is_certainly_a_name_is_written_as_it_is(name):
    text = powershell.bootstrap("/w/script.ps1", [name], {})

    assert decoded(text) == ["/w/script.ps1", name]


def test_every_helper_of_octopus_is_there_once():
    text = powershell.bootstrap("/w/script.ps1", [], {})

    functions = re.findall(r"^function ([A-Za-z-]+)", text, re.MULTILINE)
    assert len(functions) == len(set(functions))
    assert set(functions) >= {
        "Set-OctopusVariable",
        "New-OctopusArtifact",
        "Update-Progress",
        "Write-Verbose",
        "Write-Highlight",
        "Write-Wait",
        "Write-Warning",
        "Fail-Step",
    }
    assert "[System.StringComparer]::OrdinalIgnoreCase" in text
    for kind in (
        "setVariable name=",
        "createArtifact path=",
        "progress percentage=",
        "resultMessage message=",
    ):
        assert text.count(f"##octopus[{kind}") == 1


def test_brackets_and_quotes_are_balanced():
    text = powershell.bootstrap("/w/script.ps1", ["x"], ODD)
    bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "", text)

    for opening, closing in ("()", "{}", "[]"):
        assert bare.count(opening) == bare.count(closing)
    assert "'" not in bare
    assert '"' not in bare


def test_it_is_run_without_a_profile_from_files_that_only_their_owner_reads(tmp_path):
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "pwsh").write_text(FAKE)
    (fake / "pwsh").chmod(0o755)
    around = {**environment.build({}), "PATH": str(fake)}

    command = scripts.prepare(
        tmp_path,
        syntax="PowerShell",
        script=Source("Write-Host $args", parameters=["secret"]),
        variables=ODD,
        environment=around,
    )

    assert command.program == str(fake / "pwsh")
    assert command.arguments == [
        "pwsh",
        "-NoLogo",
        "-NoProfile",
        "-NonInteractive",
        "-File",
        "../bootstrap.ps1",
    ]
    assert command.environment.items() >= powershell.ENVIRONMENT.items()
    for name in ("bootstrap.ps1", "script.ps1"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    scripts.discard(tmp_path)
    assert not list(tmp_path.glob("*.ps1"))


def test_a_worker_without_it_says_so(tmp_path):
    with pytest.raises(CannotRun, match="PowerShell is not installed on this worker: there is no pwsh"):
        scripts.prepare(
            tmp_path,
            syntax="PowerShell",
            script="",
            variables={},
            environment={"PATH": str(tmp_path / "empty")},
        )
