"""Deploy a package and transfer a package: what happens with a file of the feed on the worker."""

from __future__ import annotations

import json
from collections.abc import Iterator

from domain.package_references import PACKAGE_ID
from domain.processes import Syntax
from domain.step_types.base import NEW_PYTHON, PROGRAMS, Fault, Fill, Program, Properties, StepType, Text

DEPLOY_ACTION = "Octopus.TentaclePackage"
TRANSFER_ACTION = "Octopus.TransferPackage"

DIRECTORY = "Octopus.Action.Package.CustomInstallationDirectory"
PURGE = "Octopus.Action.Package.CustomInstallationDirectoryShouldBePurgedBeforeDeployment"
FILES = "Octopus.Action.SubstituteInFiles.TargetFiles"
KEEP = "Octoworkers.Action.Package.KeepVersions"
TRANSFER_PATH = "Octopus.Action.Package.TransferPath"
SCRIPTS = "Octopus.Action.CustomScripts."
STAGES = ("PreDeploy", "Deploy", "PostDeploy")
ENDINGS = {Syntax.BASH: ".sh", Syntax.PYTHON: ".py"}

MOST_KEPT = 1000


def script_names() -> Iterator[tuple[str, Syntax]]:
    """All scripts that a step may have, such as "PreDeploy.sh", with their languages."""
    for stage in STAGES:
        for syntax, ending in ENDINGS.items():
            yield f"{stage}{ending}", syntax


def _scripts(properties: Properties) -> Iterator[tuple[str, Syntax, str]]:
    for name, syntax in script_names():
        if script := properties.get(f"{SCRIPTS}{name}", ""):
            yield name, syntax, script


def _deploy_texts(properties: Properties) -> list[Text]:
    return [
        Text("installation directory", properties.get(DIRECTORY, "")),
        Text("list of files", properties.get(FILES, "")),
        *(Text(f"script {name}", script) for name, _, script in _scripts(properties)),
    ]


def _deploy_needs(properties: Properties) -> tuple[str, ...]:
    languages = {syntax.lower() for _, syntax, _ in _scripts(properties)}
    python = [NEW_PYTHON] if properties.get(FILES, "").strip() else []
    return (PROGRAMS, *sorted(languages), *python)


def _deploy_faults(properties: Properties) -> Iterator[Fault]:
    if not properties.get(PACKAGE_ID, "").strip():
        yield Fault("deploys a package, but names none.")
    if kept_of(properties) is None:
        yield Fault(f"keeps a number of versions that is not a whole number from 0 to {MOST_KEPT:,}.")


def kept_of(properties: Properties) -> int | None:
    """How many deployments stay, 0 for all; None where it makes no sense."""
    text = properties.get(KEEP, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    return number if (number := int(text)) <= MOST_KEPT else None


def _deploy(properties: Properties, fill: Fill) -> Program:
    return Program(
        "deploy",
        {
            "directory": fill(properties.get(DIRECTORY, "")),
            "purge": properties.get(PURGE, "False"),
            "files": fill(properties.get(FILES, "")),
            "keep": str(kept_of(properties) or 0),
            "scripts": json.dumps({name: fill(script) for name, _, script in _scripts(properties)}),
        },
    )


def _transfer_texts(properties: Properties) -> list[Text]:
    return [Text("folder", properties.get(TRANSFER_PATH, ""))]


def _transfer_faults(properties: Properties) -> Iterator[Fault]:
    if not properties.get(PACKAGE_ID, "").strip():
        yield Fault("transfers a package, but names none.")
    if not properties.get(TRANSFER_PATH, "").strip():
        yield Fault("transfers a package, but does not say into which folder.")


def _transfer(properties: Properties, fill: Fill) -> Program:
    return Program("transfer", {"directory": fill(properties.get(TRANSFER_PATH, ""))})


DEPLOY = StepType(
    key=DEPLOY_ACTION, work=_deploy, texts=_deploy_texts, needs=_deploy_needs, faults=_deploy_faults
)
TRANSFER = StepType(
    key=TRANSFER_ACTION,
    work=_transfer,
    texts=_transfer_texts,
    needs=lambda properties: (PROGRAMS,),
    faults=_transfer_faults,
)
