"""The scripts of a deployment: the package's own, such as `Deploy.sh`, then those of the step."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from agent.scripts import CannotRun, Source, prepare
from programs.kit import say
from programs.kit.given import Failed

#: By the ending of a script's name.
SYNTAXES = {".sh": "Bash", ".py": "Python", ".ps1": "PowerShell"}


class Stages:
    """`scripts` are those of the step by their names, such as "PreDeploy.sh", with the values put in.
    `unpacked` is the folder of the package."""

    def __init__(self, scripts: Mapping[str, str], unpacked: Path, variables: Mapping[str, str]) -> None:
        self._scripts = scripts
        self._unpacked = unpacked
        self._variables = variables

    def run(self, stage: str, folder: Path) -> None:
        """In this folder. Raises `Failed`."""
        self.run_own(stage, folder)
        for ending, syntax in SYNTAXES.items():
            name = f"{stage}{ending}"
            if script := self._scripts.get(name, ""):
                self._run(f"the step's {name}", syntax, Source(script), folder)

    def run_own(self, stage: str, folder: Path) -> None:
        """The package's own script for a stage, if it has one. Raises `Failed`."""
        for ending, syntax in SYNTAXES.items():
            path = self._unpacked / f"{stage}{ending}"
            if path.is_file():
                self._run(f"{path.name} of the package", syntax, Source(file=path), folder)

    def _run(self, label: str, syntax: str, source: Source, folder: Path) -> None:
        say.info(f"Running {label}.")
        attempt = Path.cwd().parent
        try:
            command = prepare(
                attempt, syntax=syntax, script=source, variables=self._variables, environment=os.environ
            )
        except CannotRun as error:
            raise Failed(f"{label.capitalize()} cannot run. {error}") from error
        # It runs elsewhere than in the working folder, from where these names would lead to the files.
        arguments = [_absolute(one, attempt) for one in command.arguments[1:]]
        done = subprocess.run(
            [command.program, *arguments],
            cwd=folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{label[:1].upper()}{label[1:]} ended with exit code {done.returncode}.")


def _absolute(argument: str, attempt: Path) -> str:
    return str(attempt / argument[3:]) if argument.startswith("../") else argument
