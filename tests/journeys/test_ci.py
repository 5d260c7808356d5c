"""The commands of docs/ci.md do what it says, against a real server with a real agent."""

from __future__ import annotations

import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from processes.services import processes
from processes.services.steps import StepFields
from tasks.models import ServerTask, TaskState
from tests.harness import scenarios
from tests.harness.installation import ROOT, Installation
from tests.harness.octo import Octo

PAGE = (ROOT / "docs" / "ci.md").read_text().partition("## With Octopus Deploy's own tools")[0]
#: What the pipeline itself puts in.
GIVEN = {"${{ github.run_number }}": "7"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def scripts() -> Iterator[tuple[str, list[str], str]]:
    """Who runs it, with which shell, and what."""
    for block in blocks("yaml"):
        found = yaml.safe_load(block)
        for job in found.get("jobs", {}).values():
            for step in job["steps"]:
                if "run" in step:
                    yield "GitHub", ["bash", "-e"], step["run"]
        for job in found.values() if "jobs" not in found else ():
            yield "GitLab", ["bash", "-eo", "pipefail"], "\n".join(job["script"])
    for block in blocks("groovy"):
        for body in re.findall(r"sh '''\n(.*?)'''", block, re.DOTALL):
            # Groovy reads a backslash and an end of line in such a text as nothing.
            yield "Jenkins", ["sh", "-xe"], body.replace("\\\n", "")


SCRIPTS = list(scripts())


@pytest.fixture(scope="module")
def octo(installation: Installation, tmp_path_factory) -> Octo:
    octo = Octo(installation, tmp_path_factory.mktemp("octo"))
    space = installation.space
    pool = scenarios.pool(space, "SQL - Dev")
    installation.add_agent("ci-1", pools=[pool])
    places = [scenarios.environment(space, name) for name in ("Development", "Test")]
    project = scenarios.project(space, "Orders database", routes=dict.fromkeys(places, pool))
    scenarios.runbook(project, "Back up and migrate", ["echo migrated"])
    process = processes.get_or_create(owner_kind="project", owner_id=project.pk, space=space)
    fields = StepFields(
        name="Deploy", properties={SCRIPT_BODY: "echo deployed", SCRIPT_SYNTAX: "Bash"}, worker_pool=pool
    )
    user = scenarios.administrator()
    processes.add_step(process=process, version=process.version, fields=fields, user=user)
    return octo


@pytest.fixture(scope="module")
def checkout(octo: Octo, tmp_path_factory) -> Path:
    """Where a pipeline works, with `octo` on its path and the configuration beside it."""
    folder = tmp_path_factory.mktemp("checkout")
    program = folder / "bin" / "octo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m octo "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    octo("export", str(folder / "ops"))
    return folder


def test_the_page_has_all_three() -> None:
    assert {who for who, _, _ in SCRIPTS} == {"GitHub", "GitLab", "Jenkins"}
    assert len(SCRIPTS) == 8


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
def test_each_script(octo: Octo, checkout: Path, number: int) -> None:
    _, shell, script = SCRIPTS[number]
    for name, value in GIVEN.items():
        script = script.replace(name, value)
    environment = {**octo.environment, "PATH": f"{checkout / 'bin'}:{octo.environment['PATH']}"}

    done = subprocess.run(
        [*shell, "-c", script], cwd=checkout, env=environment, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, (script, done.stdout, done.stderr)
    assert not ServerTask.objects.exclude(state=TaskState.SUCCESS).exists()
