"""PowerShell: what goes before a script, and how it is run.

Every text from outside stands in the bootstrap as base64, so that no quotation mark of PowerShell, of which
there are many, ends it early. The functions are those that Octopus Deploy's scripts call.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping

BOOTSTRAP, SCRIPT = "bootstrap.ps1", "script.ps1"

#: Neither what people set up for themselves nor a question may come between.
OPTIONS = ["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]

#: It asks nobody's server whether there is a newer one, and tells nobody that it ran.
ENVIRONMENT = {"POWERSHELL_TELEMETRY_OPTOUT": "1", "POWERSHELL_UPDATECHECK": "Off"}

_NAMED = re.compile(r"-[A-Za-z_][A-Za-z0-9_]*\Z")

_START = """\
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$OutputEncoding = [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
if ($null -ne $PSStyle) { $PSStyle.OutputRendering = 'PlainText' }

function ConvertFrom-OctoworkersText([string]$text) {
    [System.Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($text))
}
function ConvertTo-OctoworkersText([string]$text) {
    [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($text))
}
function Write-OctoworkersLevel([string]$level, [string]$message) {
    [Console]::Out.WriteLine("##octopus[stdout-$level]")
    [Console]::Out.WriteLine($message)
    [Console]::Out.WriteLine('##octopus[stdout-default]')
}
function Set-OctopusVariable([string]$name, [string]$value, [switch]$sensitive) {
    $words = (ConvertTo-OctoworkersText $name), (ConvertTo-OctoworkersText $value), `
        (ConvertTo-OctoworkersText ([string]$sensitive.IsPresent))
    [Console]::Out.WriteLine(("##octopus[setVariable name='{0}' value='{1}' sensitive='{2}']" -f $words))
}
function New-OctopusArtifact([string]$path, [string]$name = '') {
    if ($name -eq '') { $name = [System.IO.Path]::GetFileName($path) }
    $full = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine((Get-Location).ProviderPath, $path))
    $length = if ([System.IO.File]::Exists($full)) { ([System.IO.FileInfo]$full).Length } else { 0 }
    $words = (ConvertTo-OctoworkersText $full), (ConvertTo-OctoworkersText $name), `
        (ConvertTo-OctoworkersText ([string]$length))
    [Console]::Out.WriteLine(("##octopus[createArtifact path='{0}' name='{1}' length='{2}']" -f $words))
}
function Update-Progress([int]$percentage, [string]$message = '') {
    $words = (ConvertTo-OctoworkersText ([string]$percentage)), (ConvertTo-OctoworkersText $message)
    [Console]::Out.WriteLine(("##octopus[progress percentage='{0}' message='{1}']" -f $words))
}
function Write-Verbose([Parameter(ValueFromPipeline = $true)][string]$message) {
    process { Write-OctoworkersLevel 'verbose' $message }
}
function Write-Highlight([Parameter(ValueFromPipeline = $true)][string]$message) {
    process { Write-OctoworkersLevel 'highlight' $message }
}
function Write-Wait([Parameter(ValueFromPipeline = $true)][string]$message) {
    process { Write-OctoworkersLevel 'wait' $message }
}
function Write-Warning([Parameter(ValueFromPipeline = $true)][string]$message) {
    process { Write-OctoworkersLevel 'warning' $message }
}
function Fail-Step([string]$message = '') {
    if ($message -ne '') {
        [Console]::Out.WriteLine("##octopus[resultMessage message='$(ConvertTo-OctoworkersText $message)']")
        [Console]::Error.WriteLine($message)
    }
    exit 1
}

$OctopusParameters = New-Object 'System.Collections.Generic.Dictionary[string,string]' `
    ([System.StringComparer]::OrdinalIgnoreCase)
"""

_END = """\
if (Test-Path variable:global:LASTEXITCODE) { exit $global:LASTEXITCODE }
exit 0
"""


def bootstrap(path: str, parameters: Iterable[str], variables: Mapping[str, str]) -> str:
    """The text of a file that runs the script at `path`. The exit code is the script's: of `exit`, of the
    last program that it called, or 1 after an error that nothing caught."""
    values = "".join(
        f"$OctopusParameters[{_text(name)}] = {_text(value)}\n" for name, value in variables.items()
    )
    given = "".join(f" {_parameter(one)}" for one in parameters)
    return f"{_START}{values}. {_text(path)}{given}\n{_END}"


def _parameter(text: str) -> str:
    """A name such as -Environment stays one, where a text in quotes would be a value."""
    return text if _NAMED.match(text) else _text(text)


def _text(text: str) -> str:
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    return f"(ConvertFrom-OctoworkersText '{encoded}')"
