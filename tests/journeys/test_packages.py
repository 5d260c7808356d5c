"""Steps with packages, from the push to the worker's log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.package_references import PackageReference, written
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from domain.script_sources import FILE_NAME, PARAMETERS, SCRIPT_SOURCE
from domain.step_types.deploying import (
    DEPLOY_ACTION,
    FILES,
    SCRIPTS,
    TRANSFER_ACTION,
    TRANSFER_PATH,
)
from processes.models import PoolChoice
from processes.services.steps import StepFields
from tasks.models import Attempt, ServerTask, TaskState
from tasks.selectors import logs
from tests.factories import push_package
from tests.harness import scenarios
from tests.harness.installation import Installation, wait_for
from tests.programs.archives import zipped


@pytest.fixture(scope="module")
def place(installation: Installation):
    development = scenarios.environment(installation.space, "Development")
    pool = scenarios.pool(installation.space, "Packages - Dev")
    installation.add_agent("packages-01", pools=[pool])
    project = scenarios.project(installation.space, "Packages", routes={development: pool})
    return project, development


def step(name: str, **properties: str) -> StepFields:
    return StepFields(
        name=name,
        properties=properties,
        pool_choice=PoolChoice.VARIABLE,
        worker_pool_variable=scenarios.POOL_VARIABLE,
    )


def finished(task: ServerTask) -> ServerTask:
    def final() -> ServerTask | None:
        row = ServerTask.objects.get(pk=task.pk)
        return row if row.is_completed else None

    return wait_for(final, seconds=60)


def printed(task: ServerTask, number: int) -> list[str]:
    attempt = Attempt.objects.get(execution__task=task, execution__number=number)
    return [line.text for line in logs.lines(attempt, 0, 1000)]


def test_a_package_is_deployed_and_transferred(installation, place, tmp_path):
    project, development = place
    files = {
        "conf/app.json": '{"environment": "#{Octopus.Environment.Name}"}',
        "Deploy.sh": "cat conf/app.json\n",
    }
    push_package("Acme.Web.2.1.0.zip", zipped(files), space=installation.space)
    own = written([PackageReference("", "Acme.Web")])
    deploy = replace(
        step("Deploy", **own, **{FILES: "conf/*.json", f"{SCRIPTS}PostDeploy.sh": "echo deployed"}),
        action_type=DEPLOY_ACTION,
    )
    transfer = replace(step("Transfer", **own, **{TRANSFER_PATH: str(tmp_path)}), action_type=TRANSFER_ACTION)
    show = step(
        "Show", **{SCRIPT_BODY: 'ls "#{Octopus.Action[Deploy].Output.Package.InstallationDirectoryPath}"'}
    )
    book = scenarios.runbook_of(project, "Deploys", [deploy, transfer, show])

    task = finished(scenarios.run(book, development))

    assert (task.state, task.error_message) == (TaskState.SUCCESS, "")
    assert '{"environment": "Development"}' in "\n".join(printed(task, 1))
    assert "deployed" in printed(task, 1)
    assert (tmp_path / "Acme.Web.2.1.0.zip").is_file()
    assert sorted(printed(task, 3)) == ["Deploy.sh", "conf"]


def test_a_script_of_a_package_and_one_with_packages_run_on_a_worker(installation, place):
    project, development = place
    script = 'set_octopusvariable Answer "$1"; cat "$(dirname "$0")/note.txt"\n'
    files = {"scripts/run.sh": script, "scripts/note.txt": "from the package\n"}
    push_package("Acme.Scripts.1.2.0.zip", zipped(files), space=installation.space)
    push_package("Acme.Data.3.0.0.zip", zipped({"data.txt": "the data\n"}), space=installation.space)
    of_package = {
        SCRIPT_SOURCE: "Package",
        FILE_NAME: "scripts/run.sh",
        PARAMETERS: '"forty two"',
        **written([PackageReference("", "Acme.Scripts")]),
    }
    beside = {
        SCRIPT_SYNTAX: "Bash",
        SCRIPT_BODY: "cat data/data.txt; echo #{Octopus.Action[Of a package].Output.Answer}",
        **written([PackageReference("data", "Acme.Data")]),
    }
    book = scenarios.runbook_of(
        project, "With packages", [step("Of a package", **of_package), step("Beside", **beside)]
    )

    task = finished(scenarios.run(book, development))

    assert (task.state, task.error_message) == (TaskState.SUCCESS, "")
    assert "from the package" in printed(task, 1)
    assert printed(task, 2)[-2:] == ["the data", "forty two"]
