"""Deploy a package: unpack it into a folder of its own, put values into its files, run its scripts."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.deploy.places import History, checked_directory, emptied, folder_for
from programs.deploy.stages import Stages
from programs.kit import say
from programs.kit.extract import extract
from programs.kit.given import Failed, Given
from programs.kit.packages import Cache, Package, packages_of
from programs.kit.places import filled, place_all

#: What values are put in by needs it.
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Target:
    """`unpacked` is the folder that the package is unpacked into, `installed` where it works: another one
    if the step names one."""

    unpacked: Path
    installed: Path


def main(given: Given) -> None:
    packages = packages_of(given)
    own = next((one for one in packages if not one.name), None)
    if own is None:
        raise Failed("The step has no package to deploy.")
    history = History(folder_for(given, own))
    custom = given.text("directory").strip()
    target = _unpacked(given, own, history, custom)
    paths = place_all((one for one in packages if one.name), Cache.of(given), Path.cwd())
    variables = _variables(given, target, paths)
    stages = Stages(json.loads(given.text("scripts", "{}")), target.unpacked, variables)
    try:
        _deploy(given, target, stages, variables)
    except Failed:
        stages.run_own("DeployFailed", target.installed)
        history.add(target.unpacked, own.version, is_whole=False)
        raise
    history.add(target.unpacked, own.version, is_whole=True)
    say.set_output("Package.InstallationDirectoryPath", str(target.installed))
    say.highlight(f"Deployed {own.label} to {target.installed}.")
    history.keep(given.number("keep", 0), besides=target.installed)


def _unpacked(given: Given, own: Package, history: History, custom: str) -> Target:
    directory = checked_directory(custom) if custom else None
    folder = history.new_folder(own.version)
    try:
        done = extract(Cache.of(given).get(own), folder, extension=own.extension)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    say.info(f"Unpacked {own.label} into {folder}: {done.entries:,} entries, {done.size:,} bytes.")
    return Target(folder, directory or folder)


def _variables(given: Given, target: Target, paths: Mapping[str, str]) -> dict[str, str]:
    own = {
        "Octopus.Action.Package.ExtractedPath": str(target.unpacked),
        "Octopus.Action.Package.InstallationDirectoryPath": str(target.installed),
        **paths,
    }
    return {**{name: filled(value, own) for name, value in given.variables.items()}, **own}


def _deploy(given: Given, target: Target, stages: Stages, variables: Mapping[str, str]) -> None:
    stages.run("PreDeploy", target.unpacked)
    _substitute(given.text("files"), target.unpacked, variables)
    if target.installed != target.unpacked:
        _install(target, purge=given.flag("purge"))
    stages.run("Deploy", target.installed)
    stages.run("PostDeploy", target.installed)


def _substitute(patterns: str, folder: Path, variables: Mapping[str, str]) -> None:
    wanted = [line.strip() for line in patterns.splitlines() if line.strip()]
    if not wanted:
        return
    if sys.version_info < OLDEST_PYTHON:
        raise Failed("Values are put into files by Python 3.11 or newer, which this worker's agent has not.")
    # Only now: older versions cannot read it.
    importlib.import_module("programs.deploy.values").substitute(wanted, folder, variables)


def _install(target: Target, *, purge: bool) -> None:
    if purge:
        emptied(target.installed)
    target.installed.mkdir(parents=True, exist_ok=True)
    shutil.copytree(target.unpacked, target.installed, dirs_exist_ok=True)
    say.info(f"Copied it to {target.installed}.")
