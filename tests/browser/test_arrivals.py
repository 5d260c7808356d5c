"""A machine joins with the pasted line; a release goes from one environment to the next."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect

from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from processes.models import PoolChoice
from processes.services import processes
from processes.services.steps import StepFields
from projects.models import Project
from tests.browser.conftest import World
from tests.browser.pages import task_state
from tests.harness import scenarios
from tests.harness.browser import aside


def test_a_machine_joins_with_the_pasted_line_and_runs_a_step(
    page: Page, world: World, tmp_path: Path
) -> None:
    pool = aside(scenarios.pool, world.installation.space, "Newcomers")
    page.goto("/workers/add/")
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_label("Newcomers").check()
    page.get_by_role("button", name="Make the line").click()
    page.get_by_text("In the foreground").click()
    line = page.locator("#run-command").inner_text()

    agent = join(line, tmp_path)
    try:
        expect(page.locator("#arrival")).to_contain_text("is ready")
        project = aside(
            scenarios.project, world.installation.space, "New home", routes={world.development: pool}
        )
        book = aside(scenarios.runbook, project, "Say hello", [f"echo hello > {tmp_path}/hello"])
        task = aside(scenarios.run, book, world.development)
        page.goto(f"/tasks/{task.pk}/")
        task_state(page, "Success")
        assert (tmp_path / "hello").read_text() == "hello\n"
    finally:
        agent.terminate()
        agent.wait(20)


def join(line: str, folder: Path) -> subprocess.Popen[bytes]:
    """Does what the line says, step by step, in a folder of its own; gives the running agent."""
    url = re.search(r"https?://\S*octoworker\.pyz[^\s'\"]*", line)
    code = re.search(r"OCTOWORKERS_CODE=(\S+)", line)
    register = re.search(r"octoworker\.pyz (register [^&]*)", line)
    assert url
    assert code
    assert register
    assert "code" not in register[1].lower(), "the code would be visible in ps"
    program = folder / "octoworker.pyz"
    with urllib.request.urlopen(url[0], timeout=10) as answer:  # noqa: S310 - the test's own server
        program.write_bytes(answer.read())
    environment = {
        **os.environ,
        "OCTOWORKERS_CODE": code[1].strip("'\""),
        "OCTOWORKER_HOME": str(folder / "home"),
    }
    words = [sys.executable, str(program)]
    subprocess.run([*words, *shlex.split(register[1]), "--name", "newcomer"], env=environment, check=True)
    del environment["OCTOWORKERS_CODE"]
    return subprocess.Popen([*words, "run"], env=environment)


def add_deployment_step(project: Project, script: str) -> None:
    process = processes.get_or_create(owner_kind="project", owner_id=project.pk, space=project.space)
    fields = StepFields(
        name="Deploy",
        properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: "Bash"},
        pool_choice=PoolChoice.VARIABLE,
        worker_pool_variable=scenarios.POOL_VARIABLE,
    )
    processes.add_step(
        process=process, version=process.version, fields=fields, user=scenarios.administrator()
    )


def test_a_release_goes_from_development_to_production(page: Page, world: World, tmp_path: Path) -> None:
    project = aside(scenarios.project, world.installation.space, "Shop", routes=world.routes)
    script = f"echo #{{Octopus.Release.Number}} > {tmp_path}/#{{Octopus.Environment.Name}}"
    aside(add_deployment_step, project, script)
    page.goto(f"/projects/{project.slug}/releases/new/")
    page.get_by_label("Version").fill("2.1.0")
    page.get_by_role("button", name="Create release").click()
    for place, worker in (("Development", "sql-dev-01"), ("Production", "sql-prod-01")):
        page.goto(f"/projects/{project.slug}/releases/2.1.0/deploy/")
        page.get_by_label(place).check()
        page.get_by_role("button", name="Deploy in 1 environment").click()
        task_state(page, "Success")
        expect(page.locator("#task-tree")).to_contain_text(worker)
        assert (tmp_path / place).read_text() == "2.1.0\n"
